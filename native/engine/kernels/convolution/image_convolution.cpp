#include "kernels/convolution/convolution_results.hpp"
#include "kernels/convolution/image.hpp"
#include "kernels/convolution/image_bands.hpp"
#include "kernels/vector/planes.hpp"
#include "kernels/vector/row_kernels.hpp"

namespace one {
namespace {

constexpr int kBlock = kVector;
constexpr int kColumns = kColumnsAtOnce;  // channel blocks of results in registers
constexpr int kMostTaps = 7;
using Vector = Lanes<kBlock>;

class ImageConvolution : public Instruction {
 public:
  ImageConvolution(const Activation& x, const Activation& y, const WeightShape& weights, const Kernel& kernel,
                   Epilogue epilogue, PlanBuilder& builder)
      : x_(x),
        y_(y),
        kernel_(kernel),
        bands_(x, y, kernel),
        weights_(builder.state(weights.stateOffset)),
        rounded_(weights.type == Type::bf16),
        filterStride_(static_cast<std::ptrdiff_t>(x.channels) * kernel.taps() * kBlock),
        results_(y, std::move(epilogue), builder.threads()) {
    for (int channel = 0; channel < x.channels; channel++) {
      for (int row = 0; row < kernel.height; row++) {
        filterOffsets_.push_back(static_cast<std::ptrdiff_t>(filterOffsets_.size()) * kernel.width * kBlock);
        rowOffsets_.push_back(channel * bands_.plane() + row * bands_.width());
      }
    }
    builder.reserveScratchFloats(filterElements() + bands_.elements());
  }

  void run(Worker& worker, const RunArguments&) override {
    if (worker.samples == 0) return;
    float* filters = worker.scratchFloats();
    packFilters(filters);
    results_.begin(worker);
    withElement(y_.type, [&](auto element) {
      using T = decltype(element);
      float* band = filters + filterElements();
      bands_.forEach<T>(worker, band, [&](int sample, int top, int lines) {
        results_.write<T>(worker, [&](const auto& open) {
          int block = 0;
          for (; block + kColumns <= y_.blocks; block += kColumns) {
            multiplyBand<kColumns>(sample, top, lines, band, filters + block * filterStride_, block, open);
          }
          if (block < y_.blocks)
            multiplyBand<1>(sample, top, lines, band, filters + block * filterStride_, block, open);
        });
      });
    });
    results_.end(worker);
  }

 private:
  std::ptrdiff_t filterElements() const { return y_.blocks * filterStride_; }

  // [output channel][channel][tap] -> [block of output channels][channel][tap][output channel].
  void packFilters(float* filters) const {
    const std::ptrdiff_t elements = filterStride_ / kBlock;
    for (int block = 0; block < y_.blocks; block++) {
      const int outs = std::min(kBlock, y_.channels - block * kBlock);
      const float* source = weights_ + block * kBlock * elements;
      for (std::ptrdiff_t element = 0; element < elements; element++) {
        alignas(64) float line[kBlock] = {};
        for (int out = 0; out < outs; out++) line[out] = source[out * elements + element];
        const Vector exact = Vector::load(line);
        (rounded_ ? exact.rounded() : exact).store(filters);
        filters += kBlock;
      }
    }
  }

  template <int kWide, class Open>
  void multiplyBand(int sample, int top, int lines, const float* band, const float* filters, int block,
                    const Open& open) const {
    const auto& kernels =
        kernel_.stride == 1 ? kRowKernels<kWide, RowLayout<1, 0>> : kRowKernels<kWide, RowLayout<2, 0>>;
    alignas(64) float sums[kMostRows * kWide * kBlock];
    RowProducts work{
        static_cast<int>(rowOffsets_.size()), band, rowOffsets_.data(), filters, filterOffsets_.data(), filterStride_};
    const auto opened = [&](int column) {
      return open(sample, block + column, [&] {
        kernels[0](work, kernel_.width, sums);
        return Vector::load(sums + column * kBlock);
      });
    };
    auto place = opened(0);
    auto second = opened(kWide - 1);
    for (int line = 0; line < lines; line++) {
      const std::ptrdiff_t begin = static_cast<std::ptrdiff_t>(top + line) * y_.width;
      for (int x = 0; x < y_.width;) {
        const int count = rowsOfBlock(y_.width - x);
        work.rows = band + line * kernel_.stride * bands_.width() + x * kernel_.stride;
        kernels[static_cast<std::size_t>(count - 1)](work, kernel_.width, sums);
        for (int own = 0; own < count; own++) {
          place(Vector::load(sums + own * kWide * kBlock), (begin + x + own) * kBlock);
          if constexpr (kWide == 2) second(Vector::load(sums + (own * kWide + 1) * kBlock), (begin + x + own) * kBlock);
        }
        x += count;
      }
    }
    place.close();
    if constexpr (kWide == 2) second.close();
  }

  const Activation x_;
  const Activation y_;
  const Kernel kernel_;
  const ImageBands bands_;
  const float* weights_;
  const bool rounded_;
  // Elements of the filters of a block of results: [channel][line][tap of the line][result].
  const std::ptrdiff_t filterStride_;
  // Of the lines of taps.
  std::vector<std::ptrdiff_t> filterOffsets_;
  std::vector<std::ptrdiff_t> rowOffsets_;
  ConvolutionResults results_;
};

}  // namespace

bool imageFits(const Activation& x, const Activation& y, const WeightShape& weights, int stride) {
  const bool shaped = weights.groups == 1 && weights.kernelWidth <= kMostTaps && (stride == 1 || stride == 2);
  return shaped && x.layout == Layout::plain && y.lanes == kBlock && y.pixelStride == kBlock;
}

InstructionPtr imageConvolution(const Activation& x, const Activation& y, const WeightShape& weights,
                                const Kernel& kernel, Epilogue epilogue, PlanBuilder& builder) {
  return std::make_unique<ImageConvolution>(x, y, weights, kernel, std::move(epilogue), builder);
}

}  // namespace one
