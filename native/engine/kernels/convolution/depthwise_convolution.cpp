#include <array>
#include <utility>

#include "kernels/convolution/convolution_results.hpp"
#include "kernels/convolution/depthwise.hpp"
#include "kernels/convolution/padded_lines.hpp"
#include "kernels/vector/planes.hpp"
#include "kernels/vector/row_kernels.hpp"

namespace one {
namespace {

constexpr int kBlock = PaddedLines::kBlock;
constexpr int kMostPixels = kMostRows;  // sums in registers
using Vector = Lanes<kBlock>;

// What the pixels of a row of results are summed from: tap t multiplies the vector at lines[t] with that at
// filters + offsets[t].
struct TapProducts {
  int taps;
  const float* const* lines;
  const float* filters;
  const std::ptrdiff_t* offsets;
};

// The sums of kPixels neighbours, the first `first` pixels into the lines, which are kStride pixels apart; 0 = `stride`.
template <int kPixels, int kStride>
void sumTaps(const TapProducts& work, int stride, int first, float* results) {
  const std::ptrdiff_t step = (kStride == 0 ? stride : kStride) * kBlock;
  Vector sums[kPixels];
#pragma GCC unroll 16
  for (int pixel = 0; pixel < kPixels; pixel++) sums[pixel] = Vector::fill(0.0f);
  for (int tap = 0; tap < work.taps; tap++) {
    const Vector filter = Vector::load(work.filters + work.offsets[tap]);
    const float* line = work.lines[tap] + first * step;
#pragma GCC unroll 16
    for (int pixel = 0; pixel < kPixels; pixel++) sums[pixel] += filter * Vector::load(line + pixel * step);
  }
#pragma GCC unroll 16
  for (int pixel = 0; pixel < kPixels; pixel++) sums[pixel].store(results + pixel * kBlock);
}

using TapKernel = void (*)(const TapProducts&, int, int, float*);

template <int kStride, int... kPixels>
constexpr std::array<TapKernel, kMostPixels> tapKernelsOf(std::integer_sequence<int, kPixels...>) {
  return {&sumTaps<kPixels + 1, kStride>...};
}

// By the number of pixels, less one.
template <int kStride>
constexpr std::array<TapKernel, kMostPixels> kTapKernels =
    tapKernelsOf<kStride>(std::make_integer_sequence<int, kMostPixels>{});

class DepthwiseConvolution : public Instruction {
 public:
  DepthwiseConvolution(const Activation& x, const Activation& y, const WeightShape& weights, const Kernel& kernel,
                       bool transposed, Prologue prologue, Epilogue epilogue, PlanBuilder& builder)
      : x_(x),
        y_(y),
        taps_(kernel.taps()),
        weights_(builder.state(weights.stateOffset)),
        rounded_(weights.type == Type::bf16),
        windows_(transposed ? transposedWindows(y.height, y.width, kernel)
                            : std::vector<Window>{forwardWindow(y.height, y.width, kernel)}),
        lines_(x, windows_),
        prologue_(std::move(prologue)),
        results_(y, std::move(epilogue), builder.threads()) {
    for (const Window& window : windows_) {
      offsets_.emplace_back();
      for (const Tap& tap : window.taps) offsets_.back().push_back(tap.filter * kBlock);
    }
    tapLines_.resize(builder.workers().size(), std::vector<const float*>(static_cast<std::size_t>(taps_)));
    builder.reserveScratchFloats(filterElements() + lines_.elements());
  }

  void run(Worker& worker, const RunArguments&) override {
    if (worker.samples == 0) return;
    float* filters = worker.scratchFloats();
    packFilters(filters);
    float* ring = filters + filterElements();
    lines_.clear(ring);
    if (prologue_) prologue_->norm.fold(worker);
    results_.begin(worker);
    withElement(y_.type, [&](auto element) {
      using T = decltype(element);
      withPixels<T>(x_, worker, pointerTo(prologue_), [&](const auto& loadOf) {
        for (int sample = 0; sample < worker.samples; sample++) {
          results_.write<T>(worker, [&](const auto& open) {
            for (int block = 0; block < y_.blocks; block++) {
              const T* plane = worker.at<T>(x_) + sample * x_.sampleStride + block * x_.blockStride;
              sumPlane(worker, plane, loadOf(block * kBlock), filters + block * taps_ * kBlock, ring,
                       [&](const auto& first) { return open(sample, block, first); });
            }
          });
        }
      });
    });
    results_.end(worker);
  }

 private:
  std::ptrdiff_t filterElements() const { return static_cast<std::ptrdiff_t>(y_.blocks) * taps_ * kBlock; }

  // [channel][tap] -> [block of channels][tap][channel]; zeros fill up the last block.
  void packFilters(float* filters) const {
    for (int block = 0; block < y_.blocks; block++) {
      for (int tap = 0; tap < taps_; tap++) {
        alignas(64) float line[kBlock] = {};
        const int channels = std::min(kBlock, y_.channels - block * kBlock);
        for (int c = 0; c < channels; c++) {
          line[c] = weights_[(static_cast<std::ptrdiff_t>(block) * kBlock + c) * taps_ + tap];
        }
        const Vector exact = Vector::load(line);
        (rounded_ ? exact.rounded() : exact).store(filters);
        filters += kBlock;
      }
    }
  }

  template <class T, class Load, class Open>
  void sumPlane(const Worker& worker, const T* plane, const Load& load, const float* filters, float* ring,
                const Open& open) {
    int next = 0;
    lines_.fill(plane, load, 0, next, ring);
    auto place = open([&] {
      alignas(64) float sum[kBlock];
      kernel(1)(productsOf(worker, 0, 0, filters, ring), windows_.front().inputStride, 0, sum);
      return Vector::load(sum);
    });
    for (int step = 0; step < lines_.steps(); step++) {
      lines_.fill(plane, load, step, next, ring);
      for (std::size_t window = 0; window < windows_.size(); window++) {
        if (step >= windows_[window].height) continue;
        sumRow(windows_[window], step, productsOf(worker, window, step, filters, ring), place);
      }
    }
    place.close();
  }

  TapProducts productsOf(const Worker& worker, std::size_t window, int step, const float* filters, const float* ring) {
    const std::vector<Tap>& taps = windows_[window].taps;
    auto& lines = tapLines_[static_cast<std::size_t>(worker.thread)];
    for (std::size_t tap = 0; tap < taps.size(); tap++) lines[tap] = lines_.at(ring, step, taps[tap]);
    return {static_cast<int>(taps.size()), lines.data(), filters, offsets_[window].data()};
  }

  TapKernel kernel(int pixels) const {
    const int stride = windows_.front().inputStride;
    const auto& kernels = stride == 1 ? kTapKernels<1> : stride == 2 ? kTapKernels<2> : kTapKernels<0>;
    return kernels[static_cast<std::size_t>(pixels - 1)];
  }

  template <class Place>
  void sumRow(const Window& window, int step, const TapProducts& products, Place& place) const {
    alignas(64) float sums[kMostPixels * kBlock];
    const std::ptrdiff_t row = static_cast<std::ptrdiff_t>(window.top + step * window.resultStride) * y_.width;
    std::ptrdiff_t at = (row + window.left) * kBlock;
    for (int x = 0; x < window.width;) {
      const int count = rowsOfBlock(window.width - x);
      kernel(count)(products, window.inputStride, x, sums);
      for (int pixel = 0; pixel < count; pixel++) {
        place(Vector::load(sums + pixel * kBlock), at);
        at += window.resultStride * kBlock;
      }
      x += count;
    }
  }

  const Activation x_;
  const Activation y_;
  const int taps_;
  const float* weights_;
  const bool rounded_;
  const std::vector<Window> windows_;
  // Of the filter of each window's taps, from a block's first.
  std::vector<std::vector<std::ptrdiff_t>> offsets_;
  const PaddedLines lines_;
  Prologue prologue_;
  ConvolutionResults results_;
  // Where the taps of a row of results begin, of each thread.
  std::vector<std::vector<const float*>> tapLines_;
};

}  // namespace

bool depthwiseFits(const Activation& x, const Activation& y, const WeightShape& weights) {
  const auto blocked = [](const Activation& tensor) { return tensor.lanes == kBlock && tensor.pixelStride == kBlock; };
  const bool single = weights.groups > 1 && weights.groups == weights.out && weights.perGroup == 1;
  return single && x.type == y.type && blocked(x) && blocked(y);
}

InstructionPtr depthwiseConvolution(const Activation& x, const Activation& y, const WeightShape& weights,
                                    const Kernel& kernel, bool transposed, Prologue prologue, Epilogue epilogue,
                                    PlanBuilder& builder) {
  return std::make_unique<DepthwiseConvolution>(x, y, weights, kernel, transposed, std::move(prologue),
                                                std::move(epilogue), builder);
}

}  // namespace one
