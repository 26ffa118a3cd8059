#include <vector>

#include "kernels/convolution/direct.hpp"
#include "kernels/convolution/pixel_rows.hpp"
#include "kernels/convolution/shared_gradient.hpp"
#include "kernels/vector/register_products.hpp"
#include "kernels/vector/transpose.hpp"

namespace one {
namespace {

constexpr int kBlock = PixelRows::kBlock;
// Results' output channels in registers, and their blocks of input channels.
constexpr int kRows = kManyRegisters ? 8 : kVectorsInRegisters / 2;
constexpr int kColumns = kColumnsAtOnce;
using Vector = PixelRows::Vector;

// Pixels of a chunk: long sums keep results in registers, short ones keep rows in the cache.
constexpr int kChunkPixels = 256;

// dW [out, in] of each tap = sum over pixels of dy x^T.
class BackwardWeights : public Instruction {
 public:
  BackwardWeights(const Activation& x, const Activation& dy, const WeightShape& weights, std::size_t gradientOffset,
                  const Kernel& kernel, Prologue prologue, PlanBuilder& builder)
      : weights_(weights),
        taps_(kernel.taps()),
        groups_(weights.groups / weights.merge),
        in_(x.paddedChannels() / groups_),
        out_(dy.paddedChannels() / groups_),
        pixels_(dy.pixels()),
        gradient_(gradientOffset, weights.out, weights.rowElements(), kBlock, builder),
        inPlace_(gradient_.single() && taps_ == 1 && weights.merge == 1 && out_ * groups_ == weights.out &&
                 in_ == weights.perGroup),
        prologue_(std::move(prologue)),
        outputs_(dy, out_ / kBlock, in_, Window{dy.height, dy.width, 1, 1, 0, 0, {Tap{0, 0, 0}}}, kChunkPixels,
                 nullptr) {
    const Window all = forwardWindow(dy.height, dy.width, kernel);
    for (const Tap& tap : all.taps) {
      Window window = all;
      window.taps = {tap};
      inputs_.emplace_back(x, in_ / kBlock, out_, window, kChunkPixels, pointerTo(prologue_));
    }
    for (const PixelRows& rows : inputs_) inputElements_ = std::max(inputElements_, rows.copyElements());
    builder.reserveScratchFloats(inputElements_ + outputs_.copyElements() + (inPlace_ ? 0 : groups_ * groupElements()));
  }

  void run(Worker& worker, const RunArguments&) override {
    if (prologue_) prologue_->norm.fold(worker);
    float* inputCopy = worker.scratchFloats();
    float* outputCopy = inputCopy + inputElements_;
    float* sums = inPlace_ ? gradient_.of(worker) : outputCopy + outputs_.copyElements();
    bool first = true;
    forEachChunk(worker.samples, pixels_, kChunkPixels, [&](const PixelChunk& chunk) {
      for (int group = 0; group < groups_; group++) {
        const RowView dy = outputs_.view(worker, chunk, group * out_ / kBlock, outputCopy);
        float* target = sums + group * groupElements();
        for (const PixelRows& rows : inputs_) {
          const RowView x = rows.view(worker, chunk, group * in_ / kBlock, inputCopy);
          if (first)
            addChunk<false>(chunk, x, dy, target);
          else
            addChunk<true>(chunk, x, dy, target);
          target += static_cast<std::ptrdiff_t>(out_) * in_;
        }
      }
      first = false;
    });
    if (inPlace_) return;
    gradient_.write(worker, false,
                    [&](int from, int to, bool add) { gather(sums, from, to, add, gradient_.of(worker)); });
  }

 private:
  std::ptrdiff_t groupElements() const { return static_cast<std::ptrdiff_t>(taps_) * out_ * in_; }

  template <bool kAccumulate>
  void addChunk(const PixelChunk& chunk, const RowView& x, const RowView& dy, float* gradient) const {
    const int blocks = in_ / kBlock;
    for (int out = 0; out < out_; out += kRows) {
      const float* factors = dy.data + out / kBlock * dy.blockStride + out % kBlock;
      float* rows = gradient + static_cast<std::ptrdiff_t>(out) * in_;
      int block = 0;
      for (; block + kColumns <= blocks; block += kColumns) {
        addBlock<kColumns, kAccumulate>(chunk, factors, dy.sampleStride, x, block, rows + block * kBlock);
      }
      if (block < blocks) addBlock<1, kAccumulate>(chunk, factors, dy.sampleStride, x, block, rows + block * kBlock);
    }
  }

  template <int kWide, bool kAccumulate>
  void addBlock(const PixelChunk& chunk, const float* factors, std::ptrdiff_t factorStride, const RowView& x, int block,
                float* gradient) const {
    RegisterProducts<kRows, kWide> products;
    if constexpr (kAccumulate)
      products.load(gradient, in_);
    else
      products.clear();
    for (int sample = 0; sample < chunk.samples; sample++) {
      products.add(chunk.pixels, {factors + sample * factorStride, 1, kBlock},
                   {x.data + sample * x.sampleStride + block * x.blockStride, kBlock, x.blockStride});
    }
    products.store(gradient, in_);
  }

  // From [group][tap][out][in] with the zeros of padding and of merged groups to [out][in of its own group][tap].
  void gather(const float* sums, int from, int to, bool add, float* gradient) const {
    const int ownOut = weights_.out / groups_;
    const int groupOut = weights_.out / weights_.groups;
    for (int out = from; out < to; out++) {
      const int group = out / ownOut;
      const int firstIn = out % ownOut / groupOut * weights_.perGroup;
      const float* source = sums + group * groupElements() + static_cast<std::ptrdiff_t>(out % ownOut) * in_ + firstIn;
      float* target = gradient + static_cast<std::ptrdiff_t>(out) * weights_.perGroup * taps_;
      if (taps_ == 1) {
        writeOrAdd(source, static_cast<std::size_t>(weights_.perGroup), add, target);
        continue;
      }
      for (int in = 0; in < weights_.perGroup; in += kBlock) {
        const int count = std::min(kBlock, weights_.perGroup - in);
        if (count == kBlock && taps_ <= kBlock)
          gatherBlock(source + in, add, target + in * taps_);
        else
          gatherSingly(source + in, count, add, target + in * taps_);
      }
    }
  }

  void gatherSingly(const float* source, int count, bool add, float* target) const {
    for (int in = 0; in < count; in++) {
      for (int tap = 0; tap < taps_; tap++) {
        const float sum = source[tap * static_cast<std::ptrdiff_t>(out_) * in_ + in];
        float& element = target[in * taps_ + tap];
        element = add ? element + sum : sum;
      }
    }
  }

  // Sixteen input channels at a time.
  void gatherBlock(const float* source, bool add, float* target) const {
    Vector square[kBlock];
    for (int tap = 0; tap < kBlock; tap++) {
      square[tap] =
          tap < taps_ ? Vector::load(source + tap * static_cast<std::ptrdiff_t>(out_) * in_) : Vector::fill(0.0f);
    }
    transpose(square);
    // Each row's padding is written over by the next row; the last has room behind it.
    float lines[kBlock * kBlock + kBlock];
    for (int in = 0; in < kBlock; in++) square[in].store(lines + in * taps_);
    writeOrAdd(lines, static_cast<std::size_t>(kBlock * taps_), add, target);
  }

  const WeightShape weights_;
  const int taps_;
  const int groups_;
  const int in_;  // of a group, with padding
  const int out_;
  const int pixels_;
  const SharedGradient gradient_;
  // Whether the gradient lies as the sums do.
  const bool inPlace_;
  Prologue prologue_;
  const PixelRows outputs_;
  std::vector<PixelRows> inputs_;
  std::ptrdiff_t inputElements_ = 0;
};

}  // namespace

InstructionPtr directBackwardWeights(const Activation& x, const Activation& dy, const WeightShape& weights,
                                     std::size_t gradientOffset, const Kernel& kernel, Prologue prologue,
                                     PlanBuilder& builder) {
  return std::make_unique<BackwardWeights>(x, dy, weights, gradientOffset, kernel, std::move(prologue), builder);
}

}  // namespace one
