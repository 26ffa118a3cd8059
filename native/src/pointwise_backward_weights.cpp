#include "pixel_rows.hpp"
#include "pointwise.hpp"

namespace one {
namespace {

constexpr int kBlock = PixelRows::kBlock;
constexpr int kRows = 8;     // results' output channels in registers
constexpr int kColumns = 2;  // their blocks of input channels
using Vector = PixelRows::Vector;

// Pixels of a chunk: long sums keep results in registers, short ones keep rows in the cache.
constexpr int kChunkPixels = 256;

// dW [out, in] = sum over pixels of dy x^T.
class BackwardWeights : public Instruction {
 public:
  BackwardWeights(const Activation& x, const Activation& dy, std::size_t gradientOffset, int stride, Prologue prologue,
                  PlanBuilder& builder)
      : in_(x.channels),
        out_(dy.channels),
        pixels_(dy.pixels()),
        gradientOffset_(gradientOffset),
        inputs_(x, stride, dy.width, kChunkPixels, std::move(prologue)),
        outputs_(dy, 1, dy.width, kChunkPixels, nullptr) {
    const dnnl::memory::dim elements = inputs_.copyElements() + outputs_.copyElements();
    for (const Worker& worker : builder.workers()) {
      copies_.push_back(
          builder.transient(worker.thread, {{elements}, dnnl::memory::data_type::f32, dnnl::memory::format_tag::a}));
    }
  }

  void run(Worker& worker, const RunArguments&) override {
    if (worker.samples == 0) return;  // its share stays zero
    inputs_.begin(worker);
    auto* copy = static_cast<float*>(copies_[static_cast<std::size_t>(worker.thread)].get_data_handle());
    bool first = true;
    forEachChunk(worker.samples, pixels_, kChunkPixels, [&](const PixelChunk& chunk) {
      const RowView x = inputs_.view(worker, chunk, copy);
      const RowView dy = outputs_.view(worker, chunk, copy + inputs_.copyElements());
      float* gradient = worker.gradients + gradientOffset_;
      if (first) addChunk<false>(chunk, x, dy, gradient);
      else addChunk<true>(chunk, x, dy, gradient);
      first = false;
    });
  }

 private:
  template <bool kAccumulate>
  void addChunk(const PixelChunk& chunk, const RowView& x, const RowView& dy, float* gradient) const {
    for (int out = 0; out < out_; out += kRows) {
      const float* factors = dy.data + out / kBlock * dy.blockStride + out % kBlock;
      float* rows = gradient + static_cast<std::ptrdiff_t>(out) * in_;
      const int whole = in_ / kBlock;
      int block = 0;
      if (out + kRows <= out_) {
        for (; block + kColumns <= whole; block += kColumns) {
          addBlock<kColumns, kAccumulate>(chunk, factors, dy.sampleStride, x, block, rows + block * kBlock, in_);
        }
        if (block < whole) addBlock<1, kAccumulate>(chunk, factors, dy.sampleStride, x, block, rows + block * kBlock, in_);
        block = whole;
      }
      for (; block * kBlock < in_; block++) {
        addAtEdge<kAccumulate>(chunk, factors, dy.sampleStride, x, block, rows, std::min(kRows, out_ - out));
      }
    }
  }

  // Where a block of results reaches over the gradient's edge: it is made aside.
  template <bool kAccumulate>
  void addAtEdge(const PixelChunk& chunk, const float* factors, std::ptrdiff_t factorStride, const RowView& x, int block,
                 float* rows, int count) const {
    alignas(64) float aside[kRows * kBlock];
    addBlock<1, false>(chunk, factors, factorStride, x, block, aside, kBlock);
    const int lanes = std::min(kBlock, in_ - block * kBlock);
    for (int row = 0; row < count; row++) {
      float* target = rows + static_cast<std::ptrdiff_t>(row) * in_ + block * kBlock;
      for (int lane = 0; lane < lanes; lane++) {
        const float sum = aside[row * kBlock + lane];
        target[lane] = kAccumulate ? target[lane] + sum : sum;
      }
    }
  }

  template <int kWide, bool kAccumulate>
  void addBlock(const PixelChunk& chunk, const float* factors, std::ptrdiff_t factorStride, const RowView& x, int block,
                float* gradient, std::ptrdiff_t rowStride) const {
    Vector sums[kRows][kWide];
#pragma GCC unroll 8
    for (int row = 0; row < kRows; row++) {
#pragma GCC unroll 2
      for (int column = 0; column < kWide; column++) {
        sums[row][column] = kAccumulate ? Vector::load(gradient + row * rowStride + column * kBlock) : Vector::fill(0.0f);
      }
    }
    for (int sample = 0; sample < chunk.samples; sample++) {
      const float* dy = factors + sample * factorStride;
      const float* lines = x.data + sample * x.sampleStride + block * x.blockStride;
      for (int pixel = 0; pixel < chunk.pixels; pixel++) {
        Vector line[kWide];
#pragma GCC unroll 2
        for (int column = 0; column < kWide; column++) {
          line[column] = Vector::load(lines + column * x.blockStride + pixel * kBlock);
        }
#pragma GCC unroll 8
        for (int row = 0; row < kRows; row++) {
          const Vector factor = Vector::fill(dy[pixel * kBlock + row]);
#pragma GCC unroll 2
          for (int column = 0; column < kWide; column++) sums[row][column] += factor * line[column];
        }
      }
    }
#pragma GCC unroll 8
    for (int row = 0; row < kRows; row++) {
#pragma GCC unroll 2
      for (int column = 0; column < kWide; column++) sums[row][column].store(gradient + row * rowStride + column * kBlock);
    }
  }

  const int in_;
  const int out_;
  const int pixels_;
  const std::size_t gradientOffset_;
  const PixelRows inputs_;
  const PixelRows outputs_;
  std::vector<dnnl::memory> copies_;
};

}  // namespace

InstructionPtr pointwiseBackwardWeights(const Activation& x, const Activation& dy, std::size_t gradientOffset, int stride,
                                        Prologue prologue, PlanBuilder& builder) {
  return std::make_unique<BackwardWeights>(x, dy, gradientOffset, stride, std::move(prologue), builder);
}

}  // namespace one
