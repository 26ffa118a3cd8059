#include <array>
#include <utility>
#include <vector>

#include "kernels/convolution/image.hpp"
#include "kernels/convolution/image_bands.hpp"
#include "kernels/convolution/pixel_rows.hpp"
#include "kernels/convolution/shared_gradient.hpp"
#include "kernels/vector/planes.hpp"
#include "kernels/vector/register_products.hpp"

namespace one {
namespace {

constexpr int kBlock = kVector;
constexpr int kMostTaps = 7;
constexpr int kMostColumns = kManyRegisters ? 4 : 1;  // output channel blocks in registers

// The sums of one line of taps over some lines of results.
struct LineProducts {
  int lines;
  int pixels;          // of a line of results
  const float* pixel;  // what the first tap meets in the first line
  std::ptrdiff_t pixelStride;
  std::ptrdiff_t lineStride;
  const float* dy;
  std::ptrdiff_t columnStride;
  float* sums;  // [tap][output channel]
  std::ptrdiff_t sumStride;
};

template <int kTaps, int kColumns>
void addLines(const LineProducts& work) {
  RegisterProducts<kTaps, kColumns> products;
  products.load(work.sums, work.sumStride);
  for (int line = 0; line < work.lines; line++) {
    products.add(work.pixels, {work.pixel + line * work.lineStride, 1, work.pixelStride},
                 {work.dy + static_cast<std::ptrdiff_t>(line) * work.pixels * kBlock, kBlock, work.columnStride});
  }
  products.store(work.sums, work.sumStride);
}

using LineKernel = void (*)(const LineProducts&);
template <int kColumns, int... kTaps>
constexpr std::array<LineKernel, kMostTaps> lineKernelsOf(std::integer_sequence<int, kTaps...>) {
  return {&addLines<kTaps + 1, kColumns>...};
}
// By the number of taps, less one.
template <int kColumns>
constexpr std::array<LineKernel, kMostTaps> kLineKernels =
    lineKernelsOf<kColumns>(std::make_integer_sequence<int, kMostTaps>{});

// dW of a line of taps = sum over pixels of the pixels that its taps meet times dy.
class BackwardWeights : public Instruction {
 public:
  BackwardWeights(const Activation& x, const Activation& dy, std::size_t gradientOffset, const Kernel& kernel,
                  PlanBuilder& builder)
      : x_(x),
        dy_(dy),
        kernel_(kernel),
        gradient_(gradientOffset, dy.channels, static_cast<std::size_t>(x.channels * kernel.taps()), kBlock, builder),
        bands_(x, dy, kernel),
        outputs_(dy, dy.blocks, x.channels * kernel.taps(), Window{dy.height, dy.width, 1, 1, 0, 0, {Tap{0, 0, 0}}},
                 bands_.pixels(), nullptr) {
    builder.reserveScratchFloats(sumElements() + bands_.elements() + outputs_.copyElements());
  }

  void run(Worker& worker, const RunArguments&) override {
    float* sums = worker.scratchFloats();
    float* band = sums + sumElements();
    float* copy = band + bands_.elements();
    std::fill(sums, band, 0.0f);
    withElement(x_.type, [&](auto element) {
      bands_.forEach<decltype(element)>(worker, band, [&](int sample, int top, int lines) {
        const PixelChunk chunk{sample, 1, top * dy_.width, lines * dy_.width};
        addBand(lines, band, outputs_.view(worker, chunk, 0, copy), sums);
      });
    });
    gradient_.write(worker, false,
                    [&](int from, int to, bool add) { gather(sums, from, to, add, gradient_.of(worker)); });
  }

 private:
  std::ptrdiff_t sumElements() const {
    return static_cast<std::ptrdiff_t>(x_.channels) * kernel_.taps() * dy_.paddedChannels();
  }

  void addBand(int lines, const float* band, const RowView& dy, float* sums) const {
    const auto tap = static_cast<std::size_t>(kernel_.width - 1);
    LineProducts work{lines,   dy_.width,      nullptr, kernel_.stride,      kernel_.stride * bands_.width(),
                      nullptr, dy.blockStride, nullptr, dy_.paddedChannels()};
    for (int line = 0; line < x_.channels * kernel_.height; line++) {
      work.pixel = band + line / kernel_.height * bands_.plane() + line % kernel_.height * bands_.width();
      for (int block = 0; block < dy_.blocks;) {
        const int left = dy_.blocks - block;
        work.dy = dy.data + block * dy.blockStride;
        work.sums = sums + static_cast<std::ptrdiff_t>(line) * kernel_.width * work.sumStride + block * kBlock;
        if (left >= kMostColumns)
          kLineKernels<kMostColumns>[tap](work);
        else if (left >= 2)
          kLineKernels<2>[tap](work);
        else
          kLineKernels<1>[tap](work);
        block += left >= kMostColumns ? kMostColumns : left >= 2 ? 2 : 1;
      }
    }
  }

  // [channel][tap][output channel] -> [output channel][channel][tap].
  void gather(const float* sums, int from, int to, bool add, float* gradient) const {
    const int elements = x_.channels * kernel_.taps();
    for (int out = from; out < to; out++) {
      for (int element = 0; element < elements; element++) {
        const float sum = sums[element * dy_.paddedChannels() + out];
        float& target = gradient[out * elements + element];
        target = add ? target + sum : sum;
      }
    }
  }

  const Activation x_;
  const Activation dy_;
  const Kernel kernel_;
  const SharedGradient gradient_;
  const ImageBands bands_;
  const PixelRows outputs_;
};

}  // namespace

InstructionPtr imageBackwardWeights(const Activation& x, const Activation& dy, std::size_t gradientOffset,
                                    const Kernel& kernel, PlanBuilder& builder) {
  return std::make_unique<BackwardWeights>(x, dy, gradientOffset, kernel, builder);
}

}  // namespace one
