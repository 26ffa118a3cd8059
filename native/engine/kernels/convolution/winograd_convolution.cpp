#include <type_traits>
#include <vector>

#include "kernels/convolution/convolution_results.hpp"
#include "kernels/convolution/winograd.hpp"
#include "kernels/convolution/winograd_filters.hpp"
#include "kernels/vector/planes.hpp"
#include "kernels/vector/small_matrices.hpp"

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
        sizes_(x, y, builder.workers().front().samples),
        order_{x.channels, y.channels, transposed},
        weights_(builder.state(weights.stateOffset)),
        rounded_(weights.type == Type::bf16),
        prologue_(std::move(prologue)),
        results_(y, std::move(epilogue), builder.threads()) {
    builder.reserveScratchFloats(Scratch::elements(sizes_, 1));
  }

  void run(Worker& worker, const RunArguments&) override {
    if (worker.samples == 0) return;
    withElement(x_.type, [&](auto element) { runAs<decltype(element)>(worker); });
  }

 private:
  template <class T>
  void runAs(Worker& worker) {
    const Scratch scratch(sizes_, worker.scratchFloats());
    if (sizes_.resident()) makeFilters(FilterSquare(sizes_, 0, 0), scratch);
    if (prologue_) prologue_->norm.fold(worker);
    results_.begin(worker);
    const int tiles = sizes_.tiles() * worker.samples;
    for (int first = 0; first < tiles; first += sizes_.chunk) {
      const int count = std::min(sizes_.chunk, tiles - first);
      transformWorkerInputs<T>(sizes_, x_, worker, pointerTo(prologue_), first, count, scratch.inputData());
      for (int out = 0; out < sizes_.out; out += sizes_.outStep) {
        multiplyChunk(scratch, count, out);
        results_.write<T>(worker,
                          [&](const auto& open) { finishChunk(scratch.resultData(), first, count, out, open); });
      }
    }
    results_.end(worker);
  }

  void makeFilters(const FilterSquare& square, const Scratch& scratch) const {
    transformFilters(sizes_, square, weights_, order_, rounded_, scratch.filterData());
  }

  // M = V U of a chunk for the step of results that begins with channel `out`.
  void multiplyChunk(const Scratch& scratch, int count, int out) const {
    for (int in = 0; in < sizes_.in; in += sizes_.inStep) {
      const FilterSquare square(sizes_, in, out);
      if (!sizes_.resident()) makeFilters(square, scratch);
      if (in == 0)
        multiplySquare<false>(scratch, count, square);
      else
        multiplySquare<true>(scratch, count, square);
    }
  }

  template <bool kAccumulate>
  void multiplySquare(const Scratch& scratch, int count, const FilterSquare& square) const {
    const float* inputs = scratch.inputData() + sizes_.inputPlace(square.in);
    for (int point = 0; point < kPoints; point++) {
      multiplyMatrices<kAccumulate>(roundUp(count, kBlock), square.outCount, square.inCount,
                                    inputs + point * sizes_.inputPoint(), sizes_.inStep, 1,
                                    scratch.filterData() + point * sizes_.filterPoint(), sizes_.outStep,
                                    scratch.resultData() + point * sizes_.outputPoint(), sizes_.outStep);
    }
  }

  template <class Open>
  void finishChunk(const float* m, int first, int count, int out, const Open& open) const {
    const int blocks = std::min(sizes_.outStep, sizes_.out - out) / kBlock;
    transformOutputs(sizes_, blocks, m, first, count, [&](const Tile& tile, int block, const auto& pixels) {
      auto place = open(tile.sample, out / kBlock + block, [&] { return pixels[0][0]; });
      finishOutput(sizes_, tile, pixels, place);
      place.close();
    });
  }

  const Activation x_;
  const Activation y_;
  const Sizes sizes_;
  const FilterOrder order_;
  const float* weights_;
  // Whether the filters are taken as bf16 numbers.
  const bool rounded_;
  Prologue prologue_;
  ConvolutionResults results_;
};
}  // namespace

bool winogradFits(const Activation& x, const Activation& y, const WeightShape& weights, int stride, int padding) {
  const auto blocked = [](const Activation& tensor) {
    return tensor.lanes == kBlock && tensor.pixelStride == kBlock && tensor.channels <= kWinogradChannels;
  };
  const bool shaped = weights.groups == 1 && weights.kernelHeight == kTaps && weights.kernelWidth == kTaps;
  return shaped && stride == 1 && padding == 1 && blocked(x) && blocked(y);
}

InstructionPtr winogradConvolution(const Activation& x, const Activation& y, const WeightShape& weights,
                                   bool transposed, Prologue prologue, Epilogue epilogue, PlanBuilder& builder) {
  return std::make_unique<Convolution>(x, y, weights, transposed, std::move(prologue), std::move(epilogue), builder);
}
}  // namespace one
