#include <cstring>

#include "convolution_results.hpp"
#include "pixel_rows.hpp"
#include "planes.hpp"
#include "pointwise.hpp"
#include "winograd.hpp"

namespace one {
namespace {

constexpr int kBlock = PixelRows::kBlock;
constexpr int kRows = 8;     // pixels of a block of results in registers
constexpr int kColumns = 2;  // its channel blocks
using Vector = PixelRows::Vector;

// Pixels of a chunk: their rows stay in the first-level cache with small filters, in the second-level cache while large ones
// pass by.
int chunkPixels(int channels, int results) {
  constexpr int kFewestBytes = 16 * 1024;
  constexpr int kMostBytes = 384 * 1024;
  constexpr int kFewest = 32;
  const int pixelBytes = channels * static_cast<int>(sizeof(float));
  const int bytes = std::min(kMostBytes, std::max(kFewestBytes, 4 * results * pixelBytes));
  return std::max(kFewest, bytes / pixelBytes / kRows * kRows);
}

// sums[row][column] = sum over channels of rows[row] times the filters. Filters of a block of results lie as [channel][16].
template <int kCount, int kWide>
void multiplyPixels(int blocks, const float* rows, std::ptrdiff_t blockStride, const float* filters,
                    std::ptrdiff_t filterStride, Vector (&sums)[kCount][kWide]) {
  Vector results[kCount][kWide];
#pragma GCC unroll 8
  for (int row = 0; row < kCount; row++) {
#pragma GCC unroll 2
    for (int column = 0; column < kWide; column++) results[row][column] = Vector::fill(0.0f);
  }
  for (int block = 0; block < blocks; block++) {
    const float* pixels = rows + block * blockStride;
    const float* lines = filters + block * kBlock * kBlock;
#pragma GCC unroll 4
    for (int channel = 0; channel < kBlock; channel++) {
      Vector line[kWide];
#pragma GCC unroll 2
      for (int column = 0; column < kWide; column++) {
        line[column] = Vector::load(lines + column * filterStride + channel * kBlock);
      }
#pragma GCC unroll 8
      for (int row = 0; row < kCount; row++) {
        const Vector factor = Vector::fill(pixels[row * kBlock + channel]);
#pragma GCC unroll 2
        for (int column = 0; column < kWide; column++) results[row][column] += factor * line[column];
      }
    }
  }
#pragma GCC unroll 8
  for (int row = 0; row < kCount; row++) {
#pragma GCC unroll 2
    for (int column = 0; column < kWide; column++) sums[row][column] = results[row][column];
  }
}

class Pointwise : public Instruction {
 public:
  Pointwise(const Activation& x, const Activation& y, const WeightShape& weights, int stride, bool transposed,
            Prologue prologue, Epilogue epilogue, PlanBuilder& builder)
      : x_(x),
        y_(y),
        pixels_(std::min(x.pixels(), y.pixels())),
        width_(std::min(x.width, y.width)),
        resultStride_(transposed ? stride : 1),
        clears_(resultStride_ != 1 && !epilogue.accumulate),
        chunk_(chunkPixels(x.channels, y.channels)),
        rows_(x, transposed ? 1 : stride, width_, chunk_, std::move(prologue)),
        filters_(builder.weightCopy(weights, filterDesc(weights, transposed))),
        filterType_(weights.type),
        results_(y, std::move(epilogue), builder.threads()) {
    const dnnl::memory::dim elements = rows_.copyElements() + (filterType_ == Type::f32 ? 0 : kColumns * filterStride());
    for (const Worker& worker : builder.workers()) {
      copies_.push_back(
          builder.transient(worker.thread, {{elements}, dnnl::memory::data_type::f32, dnnl::memory::format_tag::a}));
    }
  }

  void run(Worker& worker, const RunArguments&) override {
    if (worker.samples == 0) return;
    rows_.begin(worker);
    results_.begin(worker);
    withElement(y_.type, [&](auto element) {
      using T = decltype(element);
      if (clears_) std::memset(worker.at<T>(y_), 0, y_.bytes(worker.samples));
      runAs<T>(worker);
    });
    results_.end(worker);
  }

 private:
  // Blocks of results, then of channels, then [channel][result].
  static dnnl::memory::desc filterDesc(const WeightShape& weights, bool transposed) {
    using tag = dnnl::memory::format_tag;
    return {weights.dims(), dnnlType(weights.type), transposed ? tag::IOhw16o16i : tag::OIhw16i16o};
  }

  // Elements of the filters of a block of results.
  std::ptrdiff_t filterStride() const { return static_cast<std::ptrdiff_t>(x_.paddedChannels()) * kBlock; }

  template <class T>
  void runAs(const Worker& worker) {
    auto* copy = static_cast<float*>(copies_[static_cast<std::size_t>(worker.thread)].get_data_handle());
    forEachChunk(worker.samples, pixels_, chunk_, [&](const PixelChunk& chunk) {
      const RowView rows = rows_.view(worker, chunk, copy);
      float* filterCopy = copy + rows_.copyElements();
      results_.write<T>(worker, [&](const auto& open) {
        int block = 0;
        for (; block + kColumns <= y_.blocks; block += kColumns) {
          multiplyChunk<kColumns>(chunk, rows, block, filtersOf(block, kColumns, filterCopy), open);
        }
        if (block < y_.blocks) multiplyChunk<1>(chunk, rows, block, filtersOf(block, 1, filterCopy), open);
      });
    });
  }

  // Filters of some blocks of results in f32, copied where they are not.
  const float* filtersOf(int block, int count, float* copy) const {
    const std::ptrdiff_t begin = block * filterStride();
    if (filterType_ == Type::f32) return static_cast<const float*>(filters_.get_data_handle()) + begin;
    const Bf16* filters = static_cast<const Bf16*>(filters_.get_data_handle()) + begin;
    for (std::ptrdiff_t at = 0; at < count * filterStride(); at += kBlock) Vector::load(filters + at).store(copy + at);
    return copy;
  }

  template <int kWide, class Open>
  void multiplyChunk(const PixelChunk& chunk, const RowView& rows, int block, const float* filters,
                     const Open& open) const {
    for (int sample = 0; sample < chunk.samples; sample++) {
      const float* data = rows.data + sample * rows.sampleStride;
      const auto firstOf = [&](int column) {
        return [=] {
          Vector first[1][1];
          multiplyPixels(x_.blocks, data, rows.blockStride, filters + column * filterStride(), filterStride(), first);
          return first[0][0];
        };
      };
      auto place = open(chunk.sample + sample, block, firstOf(0));
      if constexpr (kWide == 1) {
        const auto take = [&](const Vector(&sums)[1], std::ptrdiff_t at) { place(sums[0], at); };
        multiplySample<kWide>(chunk, data, rows.blockStride, filters, take);
      } else {
        auto next = open(chunk.sample + sample, block + 1, firstOf(1));
        const auto take = [&](const Vector(&sums)[2], std::ptrdiff_t at) {
          place(sums[0], at);
          next(sums[1], at);
        };
        multiplySample<kWide>(chunk, data, rows.blockStride, filters, take);
        next.close();
      }
      place.close();
    }
  }

  template <int kWide, class Take>
  void multiplySample(const PixelChunk& chunk, const float* data, std::ptrdiff_t blockStride, const float* filters,
                      const Take& take) const {
    int pixel = 0;
    for (; pixel + kRows <= chunk.pixels; pixel += kRows) {
      Vector sums[kRows][kWide];
      multiplyPixels(x_.blocks, data + pixel * kBlock, blockStride, filters, filterStride(), sums);
#pragma GCC unroll 8
      for (int row = 0; row < kRows; row++) take(sums[row], placeOf(chunk.pixel + pixel + row));
    }
    for (; pixel < chunk.pixels; pixel++) {
      Vector sums[1][kWide];
      multiplyPixels(x_.blocks, data + pixel * kBlock, blockStride, filters, filterStride(), sums);
      take(sums[0], placeOf(chunk.pixel + pixel));
    }
  }

  // Elements from the plane's begin to the result of a pixel.
  std::ptrdiff_t placeOf(int pixel) const {
    if (resultStride_ == 1) return static_cast<std::ptrdiff_t>(pixel) * kBlock;
    return (static_cast<std::ptrdiff_t>(pixel / width_ * resultStride_) * y_.width + pixel % width_ * resultStride_) * kBlock;
  }

  const Activation x_;
  const Activation y_;
  // Pixels that take part, in a sample and in a line.
  const int pixels_;
  const int width_;
  const int resultStride_;
  // Whether pixels of the result that have none of x's stay zero.
  const bool clears_;
  const int chunk_;
  const PixelRows rows_;
  const dnnl::memory filters_;
  const Type filterType_;
  ConvolutionResults results_;
  std::vector<dnnl::memory> copies_;
};

}  // namespace

bool pointwiseFits(const Activation& x, const Activation& y, const WeightShape& weights, int padding) {
  const auto blocked = [](const Activation& tensor) {
    return tensor.lanes == kBlock && tensor.pixelStride == kBlock;
  };
  const bool shaped = weights.groups == 1 && weights.kernelHeight == 1 && weights.kernelWidth == 1;
  return kWinogradChannels > 0 && shaped && padding == 0 && blocked(x) && blocked(y);
}

InstructionPtr pointwiseConvolution(const Activation& x, const Activation& y, const WeightShape& weights, int stride,
                                    bool transposed, Prologue prologue, Epilogue epilogue, PlanBuilder& builder) {
  return std::make_unique<Pointwise>(x, y, weights, stride, transposed, std::move(prologue), std::move(epilogue), builder);
}

}  // namespace one
