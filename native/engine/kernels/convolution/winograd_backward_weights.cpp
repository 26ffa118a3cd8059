#include "kernels/convolution/shared_gradient.hpp"
#include "kernels/convolution/winograd.hpp"
#include "kernels/convolution/winograd_filters.hpp"
#include "kernels/vector/planes.hpp"
#include "kernels/vector/small_matrices.hpp"

namespace one {
namespace {

using namespace winograd;

// dW = G^T (sum over tiles of V^T dM) G.
class BackwardWeights : public Instruction {
 public:
  BackwardWeights(const Activation& x, const Activation& dy, std::size_t gradientOffset, Prologue prologue,
                  PlanBuilder& builder)
      : x_(x),
        dy_(dy),
        sizes_(x, dy, builder.workers().front().samples),
        order_{x.channels, dy.channels, false},
        gradient_(gradientOffset, dy.channels, static_cast<std::size_t>(x.channels) * kAllTaps,
                  sizes_.resident() ? kBlock : sizes_.outStep, builder),
        prologue_(std::move(prologue)) {
    for (const Worker& worker : builder.workers()) mostTiles_ = std::max(mostTiles_, sizes_.tiles() * worker.samples);
    builder.reserveScratchFloats(Scratch::elements(sizes_, sizes_.outSteps()));
  }

  void run(Worker& worker, const RunArguments&) override {
    withElement(x_.type, [&](auto element) { runAs<decltype(element)>(worker); });
  }

 private:
  template <class T>
  void runAs(Worker& worker) {
    const Scratch scratch(sizes_, worker.scratchFloats());
    if (prologue_) prologue_->norm.fold(worker);
    const int tiles = sizes_.tiles() * worker.samples;
    // Threads whose samples make fewer chunks take part in all, as they share the gradient.
    for (int first = 0; first < mostTiles_; first += sizes_.chunk) {
      const int count = std::clamp(tiles - first, 0, sizes_.chunk);
      transformWorkerInputs<T>(sizes_, x_, worker, pointerTo(prologue_), first, count, scratch.inputData());
      transformOutputGradients(sizes_, dy_, worker.at<T>(dy_), first, count, scratch.resultData());
      if (!sizes_.resident())
        writeSquares(worker, scratch, first > 0, count);
      else if (first > 0)
        addProducts<true>(scratch, count, FilterSquare(sizes_, 0, 0));
      else
        addProducts<false>(scratch, count, FilterSquare(sizes_, 0, 0));
    }
    if (!sizes_.resident()) return;
    gradient_.write(worker, false, [&](int first, int end, bool add) {
      FilterSquare rows(sizes_, 0, first);
      rows.outCount = roundUp(end - first, kBlock);
      finish(worker, scratch.filterData() + first, rows, add);
    });
  }

  void writeSquares(const Worker& worker, const Scratch& scratch, bool begun, int count) const {
    gradient_.write(worker, begun, [&](int first, int end, bool add) {
      for (int out = first; out < end; out += sizes_.outStep) {
        for (int in = 0; in < sizes_.in; in += sizes_.inStep) {
          const FilterSquare square(sizes_, in, out);
          addProducts<false>(scratch, count, square);
          finish(worker, scratch.filterData(), square, add);
        }
      }
    });
  }

  // dU of a square (+)= V^T dM of a chunk.
  template <bool kAccumulate>
  void addProducts(const Scratch& scratch, int count, const FilterSquare& square) const {
    const float* v = scratch.inputData() + sizes_.inputPlace(square.in);
    const float* dm = scratch.resultData() + sizes_.outputPlace(square.out);
    for (int point = 0; point < kPoints; point++) {
      multiplyMatrices<kAccumulate>(square.inCount, square.outCount, count, v + point * sizes_.inputPoint(), 1,
                                    sizes_.inStep, dm + point * sizes_.outputPoint(), sizes_.outStep,
                                    scratch.filterData() + point * sizes_.filterPoint(), sizes_.outStep);
    }
  }

  // Brings a square to its place in the gradient.
  void finish(const Worker& worker, const float* du, const FilterSquare& square, bool add) const {
    if (add)
      transformFilterGradients<true>(sizes_, square, du, order_, gradient_.of(worker));
    else
      transformFilterGradients<false>(sizes_, square, du, order_, gradient_.of(worker));
  }

  const Activation x_;
  const Activation dy_;
  const Sizes sizes_;
  const FilterOrder order_;
  const SharedGradient gradient_;
  int mostTiles_ = 0;
  Prologue prologue_;
};

}  // namespace

InstructionPtr winogradBackwardWeights(const Activation& x, const Activation& dy, std::size_t gradientOffset,
                                       Prologue prologue, PlanBuilder& builder) {
  return std::make_unique<BackwardWeights>(x, dy, gradientOffset, std::move(prologue), builder);
}

}  // namespace one