#include "planes.hpp"
#include "small_matrices.hpp"
#include "winograd.hpp"
#include "winograd_filters.hpp"

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
        gradientOffset_(gradientOffset),
        prologue_(std::move(prologue)) {
    for (const Worker& worker : builder.workers()) scratch_.emplace_back(sizes_, sizes_.outSteps(), worker.thread, builder);
  }

  void run(Worker& worker, const RunArguments&) override {
    if (worker.samples == 0) return;
    withElement(x_.type, [&](auto element) { runAs<decltype(element)>(worker); });
  }

 private:
  template <class T>
  void runAs(Worker& worker) const {
    const Scratch& scratch = scratch_[static_cast<std::size_t>(worker.thread)];
    if (prologue_ != nullptr) prologue_->fold(worker);
    const int tiles = sizes_.tiles() * worker.samples;
    for (int first = 0; first < tiles; first += sizes_.chunk) {
      const int count = std::min(sizes_.chunk, tiles - first);
      transformWorkerInputs<T>(sizes_, x_, worker, prologue_.get(), first, count, scratch.inputData());
      transformOutputGradients(sizes_, dy_, worker.at<T>(dy_), first, count, scratch.resultData());
      const bool begun = first > 0;
      for (int out = 0; out < sizes_.out; out += sizes_.outStep) {
        for (int in = 0; in < sizes_.in; in += sizes_.inStep) {
          const FilterSquare square(sizes_, in, out);
          if (sizes_.resident() && begun) addProducts<true>(scratch, count, square);
          else addProducts<false>(scratch, count, square);
          if (!sizes_.resident()) finish(worker, scratch, square, begun);
        }
      }
    }
    if (sizes_.resident()) finish(worker, scratch, FilterSquare(sizes_, 0, 0), false);
  }

  // dU of a square (+)= V^T dM of a chunk.
  template <bool kAccumulate>
  void addProducts(const Scratch& scratch, int count, const FilterSquare& square) const {
    const float* v = scratch.inputData() + sizes_.inputPlace(square.in);
    const float* dm = scratch.resultData() + sizes_.outputPlace(square.out);
    for (int point = 0; point < kPoints; point++) {
      multiplyMatrices<kAccumulate>(square.inCount, square.outCount, count, v + point * sizes_.inputPoint(), 1, sizes_.inStep,
                                    dm + point * sizes_.outputPoint(), sizes_.outStep,
                                    scratch.filterData() + point * sizes_.filterPoint(), sizes_.outStep);
    }
  }

  // Brings a square to its place in the gradient; `add` to what an earlier chunk left there.
  void finish(const Worker& worker, const Scratch& scratch, const FilterSquare& square, bool add) const {
    float* gradient = worker.gradients + gradientOffset_;
    if (add) transformFilterGradients<true>(sizes_, square, scratch.filterData(), order_, gradient);
    else transformFilterGradients<false>(sizes_, square, scratch.filterData(), order_, gradient);
  }

  const Activation x_;
  const Activation dy_;
  const Sizes sizes_;
  const FilterOrder order_;
  const std::size_t gradientOffset_;
  const Prologue prologue_;
  std::vector<Scratch> scratch_;
};

}  // namespace

InstructionPtr winogradBackwardWeights(const Activation& x, const Activation& dy, std::size_t gradientOffset,
                                       Prologue prologue, PlanBuilder& builder) {
  return std::make_unique<BackwardWeights>(x, dy, gradientOffset, std::move(prologue), builder);
}

}  // namespace one