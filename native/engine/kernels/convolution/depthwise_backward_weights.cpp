#include <array>
#include <utility>

#include "kernels/convolution/depthwise.hpp"
#include "kernels/convolution/padded_lines.hpp"
#include "kernels/convolution/shared_gradient.hpp"
#include "kernels/vector/planes.hpp"

namespace one {
namespace {

constexpr int kBlock = PaddedLines::kBlock;
constexpr int kMostTaps = 9;  // sums in registers, those of a 3x3 filter at once
using Vector = Lanes<kBlock>;
// Of a block's channels, as many as a register holds.
using Part = Lanes<kRegisterLanes>;

// sums[tap] += dy times the pixel of each tap, over `count` results of a row whose pixels are `step` floats apart.
template <int kTaps, class T>
void addRow(const T* dy, int count, const float* const* lines, std::ptrdiff_t step, float* sums) {
  for (int part = 0; part < kBlock; part += kRegisterLanes) {
    Part products[kTaps];
#pragma GCC unroll 16
    for (int tap = 0; tap < kTaps; tap++) products[tap] = Part::load(sums + tap * kBlock + part);
    std::ptrdiff_t at = part;
    for (int result = 0; result < count; result++) {
      const Part gradient = Part::load(dy + result * kBlock + part);
#pragma GCC unroll 16
      for (int tap = 0; tap < kTaps; tap++) products[tap] += gradient * Part::load(lines[tap] + at);
      at += step;
    }
#pragma GCC unroll 16
    for (int tap = 0; tap < kTaps; tap++) products[tap].store(sums + tap * kBlock + part);
  }
}

template <class T>
using TapKernel = void (*)(const T*, int, const float* const*, std::ptrdiff_t, float*);

template <class T, int... kTaps>
constexpr std::array<TapKernel<T>, kMostTaps> tapKernelsOf(std::integer_sequence<int, kTaps...>) {
  return {&addRow<kTaps + 1, T>...};
}

// By the number of taps, less one.
template <class T>
constexpr std::array<TapKernel<T>, kMostTaps> kTapKernels =
    tapKernelsOf<T>(std::make_integer_sequence<int, kMostTaps>{});

// dW [channel] of each tap = sum over pixels of dy x.
class BackwardWeights : public Instruction {
 public:
  BackwardWeights(const Activation& x, const Activation& dy, const WeightShape& weights, std::size_t gradientOffset,
                  const Kernel& kernel, Prologue prologue, PlanBuilder& builder)
      : x_(x),
        dy_(dy),
        taps_(kernel.taps()),
        window_(forwardWindow(dy.height, dy.width, kernel)),
        lines_(x, {window_}),
        gradient_(gradientOffset, weights.out, weights.rowElements(), kBlock, builder),
        prologue_(std::move(prologue)) {
    tapLines_.resize(builder.workers().size(), std::vector<const float*>(static_cast<std::size_t>(taps_)));
    builder.reserveScratchFloats(sumElements() + planeElements() + lines_.elements());
  }

  void run(Worker& worker, const RunArguments&) override {
    float* sums = worker.scratchFloats();
    if (worker.samples > 0) {
      if (prologue_) prologue_->norm.fold(worker);
      sumSamples(worker, sums);
    }
    gradient_.write(worker, false, [&](int from, int to, bool add) {
      float* gradient = gradient_.of(worker);
      for (int channel = from; channel < to; channel++) {
        for (int tap = 0; tap < taps_; tap++) {
          const float sum = sums[(channel / kBlock * taps_ + tap) * kBlock + channel % kBlock];
          float& element = gradient[channel * taps_ + tap];
          element = add ? element + sum : sum;
        }
      }
    });
  }

 private:
  // [block of channels][tap][channel], as is a plane's share.
  std::ptrdiff_t planeElements() const { return static_cast<std::ptrdiff_t>(taps_) * kBlock; }
  std::ptrdiff_t sumElements() const { return dy_.blocks * planeElements(); }

  void sumSamples(const Worker& worker, float* sums) {
    float* planeSums = sums + sumElements();
    float* ring = planeSums + planeElements();
    lines_.clear(ring);
    withElement(x_.type, [&](auto element) {
      using T = decltype(element);
      withPixels<T>(x_, worker, pointerTo(prologue_), [&](const auto& loadOf) {
        for (int sample = 0; sample < worker.samples; sample++) {
          for (int block = 0; block < dy_.blocks; block++) {
            const T* x = worker.at<T>(x_) + sample * x_.sampleStride + block * x_.blockStride;
            const T* dy = worker.at<T>(dy_) + sample * dy_.sampleStride + block * dy_.blockStride;
            std::fill(planeSums, ring, 0.0f);
            sumPlane(worker, x, loadOf(block * kBlock), dy, ring, planeSums);
            writeOrAdd(planeSums, static_cast<std::size_t>(planeElements()), sample > 0,
                       sums + block * planeElements());
          }
        }
      });
    });
  }

  template <class T, class Load>
  void sumPlane(const Worker& worker, const T* x, const Load& load, const T* dy, float* ring, float* sums) {
    auto& lines = tapLines_[static_cast<std::size_t>(worker.thread)];
    const std::ptrdiff_t step = window_.inputStride * kBlock;
    int next = 0;
    for (int row = 0; row < window_.height; row++) {
      lines_.fill(x, load, row, next, ring);
      for (std::size_t tap = 0; tap < lines.size(); tap++) lines[tap] = lines_.at(ring, row, window_.taps[tap]);
      for (int tap = 0; tap < taps_;) {
        const int count = tapsOfGroup(taps_ - tap);
        kTapKernels<T>[static_cast<std::size_t>(count - 1)](dy, window_.width, lines.data() + tap, step,
                                                            sums + tap* kBlock);
        tap += count;
      }
      dy += window_.width * kBlock;
    }
  }

  // Taps of the next group of `left`: groups of about the same size.
  static int tapsOfGroup(int left) {
    const int groups = (left + kMostTaps - 1) / kMostTaps;
    return (left + groups - 1) / groups;
  }

  const Activation x_;
  const Activation dy_;
  const int taps_;
  const Window window_;
  const PaddedLines lines_;
  const SharedGradient gradient_;
  Prologue prologue_;
  // Where the taps of a row begin, of each thread.
  std::vector<std::vector<const float*>> tapLines_;
};

}  // namespace

InstructionPtr depthwiseBackwardWeights(const Activation& x, const Activation& dy, const WeightShape& weights,
                                        std::size_t gradientOffset, const Kernel& kernel, Prologue prologue,
                                        PlanBuilder& builder) {
  return std::make_unique<BackwardWeights>(x, dy, weights, gradientOffset, kernel, std::move(prologue), builder);
}

}  // namespace one
