#include "planes.hpp"
#include "small_matrices.hpp"
#include "winograd.hpp"
#include "winograd_tiles.hpp"

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
        sizes_(x, dy),
        gradientOffset_(gradientOffset),
        prologue_(std::move(prologue)) {
    for (const Worker& worker : builder.workers()) scratch_.emplace_back(sizes_, worker.thread, builder);
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
      for (int point = 0; point < kPoints; point++) {
        const float* v = scratch.inputData() + point * sizes_.inputPoint();
        const float* dm = scratch.resultData() + point * sizes_.outputPoint();
        float* du = scratch.filterData() + point * sizes_.filterPoint();
        if (first == 0) {
          multiplyMatrices<false>(sizes_.in, sizes_.out, count, v, 1, sizes_.in, dm, sizes_.out, du, sizes_.out);
        } else {
          multiplyMatrices<true>(sizes_.in, sizes_.out, count, v, 1, sizes_.in, dm, sizes_.out, du, sizes_.out);
        }
      }
    }
    transformFilterGradients(scratch.filterData(), worker.gradients + gradientOffset_);
  }

  // Points [point][in][out] -> taps [out, in, 3, 3].
  void transformFilterGradients(const float* du, float* gradient) const {
    constexpr int kAll = kTaps * kTaps;
    for (int in = 0; in < x_.channels; in++) {
      for (int out = 0; out < dy_.channels; out += kBlock) {
        const int count = std::min(kBlock, dy_.channels - out);
        Vector points[kInput][kInput];
        Vector taps[kTaps][kTaps];
        const float* source = du + static_cast<std::ptrdiff_t>(in) * sizes_.out + out;
        for (int point = 0; point < kPoints; point++) {
          points[point / kInput][point % kInput] = Vector::load(source + point * sizes_.filterPoint());
        }
        winograd::transformTile<kInput, kTaps, winograd::transformFilterGradient>(points, taps);
        for (int tap = 0; tap < kAll; tap++) {
          alignas(64) float lanes[kBlock];
          taps[tap / kTaps][tap % kTaps].store(lanes);
          for (int lane = 0; lane < count; lane++) {
            gradient[(static_cast<std::ptrdiff_t>(out + lane) * x_.channels + in) * kAll + tap] = lanes[lane];
          }
        }
      }
    }
  }

  const Activation x_;
  const Activation dy_;
  const Sizes sizes_;
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