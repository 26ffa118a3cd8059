#include <type_traits>
#include <vector>

#include "convolution_results.hpp"
#include "planes.hpp"
#include "small_matrices.hpp"
#include "winograd.hpp"
#include "winograd_tiles.hpp"

namespace one {
namespace {

using namespace winograd;

// y = conv(x, w), or with transposed filters dx = conv(dy, w turned by 180 degrees).
class Convolution : public Instruction {
 public:
  Convolution(const Activation& x, const Activation& y, const WeightShape& weights, bool transposed, Prologue prologue,
              Epilogue epilogue, PlanBuilder& builder)
      : x_(x),
        y_(y),
        sizes_(x, y),
        weights_(builder.state(weights.stateOffset)),
        weightType_(weights.type),
        transposed_(transposed),
        prologue_(std::move(prologue)),
        results_(y, std::move(epilogue), builder.threads()) {
    for (const Worker& worker : builder.workers()) scratch_.emplace_back(sizes_, worker.thread, builder);
  }

  void run(Worker& worker, const RunArguments&) override {
    if (worker.samples == 0) return;
    withElement(x_.type, [&](auto element) { runAs<decltype(element)>(worker); });
  }

 private:
  template <class T>
  void runAs(Worker& worker) {
    const Scratch& scratch = scratch_[static_cast<std::size_t>(worker.thread)];
    transformFilters(scratch.filterData());
    if (prologue_ != nullptr) prologue_->fold(worker);
    results_.begin(worker);
    const int tiles = sizes_.tiles() * worker.samples;
    for (int first = 0; first < tiles; first += sizes_.chunk) {
      const int count = std::min(sizes_.chunk, tiles - first);
      const int rows = roundUp(count, kBlock);
      transformWorkerInputs<T>(sizes_, x_, worker, prologue_.get(), first, count, scratch.inputData());
      for (int point = 0; point < kPoints; point++) {
        multiplyMatrices<false>(rows, sizes_.out, sizes_.in, scratch.inputData() + point * sizes_.inputPoint(), sizes_.in,
                                1, scratch.filterData() + point * sizes_.filterPoint(), sizes_.out,
                                scratch.resultData() + point * sizes_.outputPoint(), sizes_.out);
      }
      results_.write<T>(worker, [&](const auto& open) { finishChunk(scratch.resultData(), first, count, open); });
    }
    results_.end(worker);
  }

  template <class Open>
  void finishChunk(const float* m, int first, int count, const Open& open) const {
    transformOutputs(sizes_, y_.blocks, m, first, count, [&](const Tile& tile, int block, const auto& pixels) {
      auto place = open(tile.sample, block, [&] { return pixels[0][0]; });
      finishOutput(sizes_, tile, pixels, place);
      place.close();
    });
  }

  // U = G g G^T as [point][in][out], sixteen outputs at a time.
  void transformFilters(float* u) const {
    for (int in = 0; in < sizes_.in; in++) {
      for (int out = 0; out < sizes_.out; out += kBlock) {
        Vector taps[kTaps][kTaps];
        Vector points[kInput][kInput];
        gatherTaps(in, out, taps);
        winograd::transformTile<kTaps, kInput, winograd::transformFilter>(taps, points);
        scatterPoints(points, sizes_.filterPoint(), u + static_cast<std::ptrdiff_t>(in) * sizes_.out + out);
      }
    }
  }

  // The master's filters are [O, I, 3, 3]: O is our `out`, or our `in` where they are transposed. Zeros for the channels that
  // fill up a block.
  void gatherTaps(int in, int out, Vector (&taps)[kTaps][kTaps]) const {
    constexpr int kAll = kTaps * kTaps;
    alignas(64) float lanes[kAll][kBlock];
    for (int lane = 0; lane < kBlock; lane++) {
      const bool exists = in < x_.channels && out + lane < y_.channels;
      const float* filter = exists ? filterOf(in, out + lane) : nullptr;
      for (int tap = 0; tap < kAll; tap++) {
        lanes[tap][lane] = filter == nullptr ? 0.0f : filter[transposed_ ? kAll - 1 - tap : tap];
      }
    }
    for (int tap = 0; tap < kAll; tap++) {
      const Vector exact = Vector::load(lanes[tap]);
      taps[tap / kTaps][tap % kTaps] = weightType_ == Type::f32 ? exact : exact.rounded();
    }
  }

  const float* filterOf(int in, int out) const {
    const std::ptrdiff_t filter = transposed_ ? static_cast<std::ptrdiff_t>(in) * y_.channels + out
                                              : static_cast<std::ptrdiff_t>(out) * x_.channels + in;
    return weights_ + filter * kTaps * kTaps;
  }

  const Activation x_;
  const Activation y_;
  const Sizes sizes_;
  const float* weights_;
  const Type weightType_;
  const bool transposed_;
  const Prologue prologue_;
  ConvolutionResults results_;
  std::vector<Scratch> scratch_;
};
}  // namespace

bool winogradFits(const Activation& x, const Activation& y, const WeightShape& weights, int stride, int padding) {
  const auto blocked = [](const Activation& tensor) {
    return tensor.lanes == kBlock && tensor.pixelStride == kBlock && tensor.channels <= kWinogradChannels;
  };
  const bool shaped = weights.groups == 1 && weights.kernelHeight == kTaps && weights.kernelWidth == kTaps;
  return shaped && stride == 1 && padding == 1 && blocked(x) && blocked(y);
}

InstructionPtr winogradConvolution(const Activation& x, const Activation& y, const WeightShape& weights, bool transposed,
                                   Prologue prologue, Epilogue epilogue, PlanBuilder& builder) {
  return std::make_unique<Convolution>(x, y, weights, transposed, std::move(prologue), std::move(epilogue), builder);
}
}  // namespace one
