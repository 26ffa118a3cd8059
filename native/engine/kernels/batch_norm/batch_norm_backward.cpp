#include <cstring>
#include <stdexcept>
#include <type_traits>
#include <vector>

#include "kernels/batch_norm/batch_norm.hpp"
#include "kernels/batch_norm/batch_norm_backward_input.hpp"
#include "kernels/batch_norm/channel_sums.hpp"
#include "kernels/vector/planes.hpp"

namespace one {
namespace {

// dy' = dy behind the relu mask; dshift = sum dy', dscale = sum dy' xhat,
// dx = scale / sigma (dy' - dshift / n - xhat dscale / n) with xhat = (x - mean) / sigma (Ioffe and Szegedy, 2015).
class Backward : public Instruction {
 public:
  Backward(WordReader& words, PlanBuilder& builder)
      : dy_(builder.tensor(words)),
        input_(words, builder),
        dx_(builder.tensor(words)),
        accumulates_(words.integer() != 0),
        dresidual_(builder.optionalTensor(words)),
        scaleGradient_(words.size()),
        shiftGradient_(words.size()),
        region_(builder.statisticsRegion(words.size(), input_.padded())),
        summed_(words.integer() != 0),
        threads_(builder.threads()),
        count_(static_cast<double>(builder.batch()) * input_.x().pixels()) {
    if (!input_.x().samplesLieAs(dy_) || !dx_.samplesLieAs(dy_)) {
      throw std::runtime_error("Expected a batch norm's x and dx whose samples lie in memory as its dy's");
    }
    vectors_.resize(builder.workers().size(), std::vector<float>(3 * static_cast<std::size_t>(input_.padded())));
  }

  void run(Worker& worker, const RunArguments&) override {
    dispatch(input_.x(), [&](auto element, auto lanes) { run<decltype(element), decltype(lanes)::value>(worker); });
  }

 private:
  template <class T, int L>
  void run(Worker& worker) {
    input_.prepare(worker);
    double* sums = region_.of(worker.thread);
    if (!summed_) {
      std::memset(sums, 0, 2 * static_cast<std::size_t>(input_.padded()) * sizeof(double));
      input_.withMask([&](auto mask) { sumSlice<T, L, decltype(mask)>(worker, sums, sums + input_.padded()); });
    }
    worker.team->wait();
    prepareAffine(worker);
    input_.withMask([&](auto mask) {
      using Mask = decltype(mask);
      accumulates_ ? applySlice<T, L, Mask, true>(worker) : applySlice<T, L, Mask, false>(worker);
    });
  }

  template <class T, int L, class Mask>
  void sumSlice(const Worker& worker, double* shiftSums, double* scaleSums) const {
    const T* dy = worker.at<T>(dy_);
    forEachPlane(dy_, worker, [&](std::ptrdiff_t place, int channel, int sample) {
      const auto plane = input_.plane<T, L, Mask>(worker, dy_, sample, channel);
      addPlanePair<L>(dy_.pixels(), shiftSums + channel, scaleSums + channel, [&](int pixel, auto& sum, auto& product) {
        const std::ptrdiff_t at = place + pixel * dy_.pixelStride;
        plane.addTo(at, Lanes<L>::load(dy + at), sum, product);
      });
    });
  }

  // dx = a dy' + b (x - mean) + c with a, b, c of each channel in the thread's vectors; the first thread keeps dscale, dshift.
  void prepareAffine(const Worker& worker) {
    const int padded = input_.padded();
    float* a = vectors_[static_cast<std::size_t>(worker.thread)].data();
    float* b = a + padded;
    float* c = b + padded;
    const float* scale = input_.scale(worker);
    for (int channel = 0; channel < input_.x().channels; channel++) {
      double shiftSum = 0;
      double scaleSum = 0;
      for (int thread = 0; thread < threads_; thread++) {
        shiftSum += region_.of(thread)[channel];
        scaleSum += region_.of(thread)[padded + channel];
      }
      const double inverse = input_.inverseDeviation(worker, channel);
      if (worker.thread == 0) {
        worker.gradients[scaleGradient_ + static_cast<std::size_t>(channel)] = static_cast<float>(scaleSum * inverse);
        worker.gradients[shiftGradient_ + static_cast<std::size_t>(channel)] = static_cast<float>(shiftSum);
      }
      const double factor = static_cast<double>(scale[channel]) * inverse;
      a[channel] = static_cast<float>(factor);
      b[channel] = static_cast<float>(-factor * scaleSum * inverse * inverse / count_);
      c[channel] = static_cast<float>(-factor * shiftSum / count_);
    }
  }

  template <class T, int L, class Mask, bool kAccumulate>
  void applySlice(const Worker& worker) const {
    const T* dy = worker.at<T>(dy_);
    T* dresidual = dresidual_ == nullptr ? nullptr : worker.at<T>(*dresidual_);
    const int padded = input_.padded();
    const float* vectors = vectors_[static_cast<std::size_t>(worker.thread)].data();
    forEachPlaneBackwards(dy_, worker, [&](std::ptrdiff_t place, int channel, int sample) {
      const auto plane = input_.plane<T, L, Mask>(worker, dy_, sample, channel);
      T* dx = worker.at<T>(dx_) + sample * (dx_.sampleStride - dy_.sampleStride);
      const auto a = Lanes<L>::load(vectors + channel);
      const auto b = Lanes<L>::load(vectors + padded + channel);
      const auto c = Lanes<L>::load(vectors + 2 * padded + channel);
      for (int pixel = dy_.pixels() - 1; pixel >= 0; pixel--) {
        const std::ptrdiff_t at = place + pixel * dy_.pixelStride;
        prefetchBefore(dy + at);
        prefetchBefore(plane.x + at);
        if constexpr (kAccumulate) prefetchBefore(dx + at);
        if constexpr (Mask::kReadsBeside) prefetchBefore(plane.beside + at);
        const auto input = Lanes<L>::load(plane.x + at);
        const auto gradient = plane.gradient(at, input, Lanes<L>::load(dy + at));
        // Both results may lie over an input: everything is read before anything is written.
        if (dresidual != nullptr) gradient.store(dresidual + at);
        auto result = gradient * a + (input - plane.mean) * b + c;
        if constexpr (kAccumulate) {
          // As if it came back from memory before it is added.
          if constexpr (std::is_same_v<T, Bf16>) result = result.rounded();
          result += Lanes<L>::load(dx + at);
        }
        result.store(dx + at);
      }
    });
  }

  const Activation dy_;
  BatchNormBackwardInput input_;
  const Activation dx_;
  // Whether dx is added to what is there: the gradient of a tensor of which x is a part.
  const bool accumulates_;
  const Activation* dresidual_;
  const std::size_t scaleGradient_;
  const std::size_t shiftGradient_;
  const StatisticsRegion region_;
  // Whether the convolution that made dy has filled the region.
  const bool summed_;
  const int threads_;
  const double count_;
  std::vector<std::vector<float>> vectors_;
};
}  // namespace

InstructionPtr batchNormBackward(WordReader& words, PlanBuilder& builder) {
  return std::make_unique<Backward>(words, builder);
}
}  // namespace one
