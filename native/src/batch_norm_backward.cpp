#include <cmath>
#include <cstring>
#include <vector>

#include "batch_norm.hpp"
#include "channel_sums.hpp"
#include "planes.hpp"

namespace one {
namespace {

// dy' = dy where the rectifier let through; dshift = sum dy', dscale = sum dy' xhat,
// dx = scale / sigma (dy' - dshift / n - xhat dscale / n) with xhat = (x - mean) / sigma (Ioffe and Szegedy, 2015).
class Backward : public Instruction {
  // What tells which elements the rectifier let through.
  enum class Mask { none = 0, fromOutput = 1, fromInput = 2 };

 public:
  Backward(WordReader& words, PlanBuilder& builder)
      : dy_(builder.tensor(words)),
        x_(builder.tensor(words)),
        mask_(static_cast<Mask>(words.integer())),
        y_(builder.optionalTensor(words)),
        scale_(builder.vector(words)),
        shift_(mask_ == Mask::fromInput ? builder.vector(words) : VectorRef{}),
        mean_(builder.vector(words)),
        variance_(builder.vector(words)),
        dx_(builder.tensor(words)),
        dresidual_(builder.optionalTensor(words)),
        scaleGradient_(words.size()),
        shiftGradient_(words.size()),
        epsilon_(words.number()),
        threads_(builder.threads()),
        partials_(builder.sharedDoubles(static_cast<std::size_t>(builder.threads()) * stride())),
        count_(static_cast<double>(builder.batch()) * x_.pixels()) {
    const auto channels = static_cast<std::size_t>(x_.paddedChannels());
    vectors_.resize(builder.workers().size(), std::vector<float>(6 * channels));
  }

  void run(Worker& worker, const RunArguments&) override {
    dispatch(x_, [&](auto element, auto lanes) { run<decltype(element), decltype(lanes)::value>(worker); });
  }

 private:
  std::size_t stride() const { return 2 * static_cast<std::size_t>(x_.paddedChannels()); }
  double* partial(int thread) const { return partials_ + static_cast<std::size_t>(thread) * stride(); }

  template <class T, int L>
  void run(Worker& worker) {
    const int padded = x_.paddedChannels();
    float* mean = vectors_[static_cast<std::size_t>(worker.thread)].data();
    std::memcpy(mean, mean_.get(worker), sizeof(float) * static_cast<std::size_t>(x_.channels));
    double* sums = partial(worker.thread);
    std::memset(sums, 0, stride() * sizeof(double));
    if (mask_ == Mask::fromInput) prepareMask(worker, mean);
    withMask([&](auto mask) { sumSlice<T, L, decltype(mask)::value>(worker, mean, sums, sums + padded); });
    storeGradients(worker, sums, sums + padded);
    worker.team->wait();
    prepareAffine(worker, mean);
    withMask([&](auto mask) { applySlice<T, L, decltype(mask)::value>(worker, mean); });
  }

  template <class Body>
  void withMask(const Body& body) const {
    switch (mask_) {
      case Mask::none: return body(std::integral_constant<Mask, Mask::none>{});
      case Mask::fromOutput: return body(std::integral_constant<Mask, Mask::fromOutput>{});
      case Mask::fromInput: return body(std::integral_constant<Mask, Mask::fromInput>{});
    }
  }

  // The gradient that the rectifier lets through. Without a residual its sign is that of x factor + offset, computed as
  // the forward pass did, so that y need not be read.
  template <class T, int L, Mask kMask>
  struct Gate {
    const T* dy;
    const T* x;
    const T* y;
    Lanes<L> factor;
    Lanes<L> offset;
    Lanes<L> gradient(std::ptrdiff_t at, Lanes<L> input) const {
      const auto arriving = Lanes<L>::load(dy + at);
      if constexpr (kMask == Mask::fromOutput) return Lanes<L>::where(Lanes<L>::load(y + at), arriving);
      if constexpr (kMask == Mask::fromInput) return Lanes<L>::where(input * factor + offset, arriving);
      return arriving;
    }
  };

  template <class T, int L, Mask kMask>
  Gate<T, L, kMask> gate(const Worker& worker, const float* vectors, int channel) const {
    const int padded = x_.paddedChannels();
    return {worker.at<T>(dy_), worker.at<T>(x_), kMask == Mask::fromOutput ? worker.at<T>(*y_) : nullptr,
            Lanes<L>::load(vectors + 4 * padded + channel), Lanes<L>::load(vectors + 5 * padded + channel)};
  }

  // The forward pass's factor and offset, behind the other vectors.
  void prepareMask(const Worker& worker, float* vectors) const {
    float* factor = vectors + 4 * x_.paddedChannels();
    float* offset = factor + x_.paddedChannels();
    const float* scale = scale_.get(worker);
    const float* shift = shift_.get(worker);
    const float* variance = variance_.get(worker);
    for (int c = 0; c < x_.channels; c++) {
      factor[c] = scale[c] / std::sqrt(variance[c] + epsilon_);
      offset[c] = shift[c] - vectors[c] * factor[c];
    }
  }

  template <class T, int L, Mask kMask>
  void sumSlice(const Worker& worker, const float* means, double* shiftSums, double* scaleSums) const {
    forEachPlane(x_, worker, [&](std::ptrdiff_t place, int channel) {
      const auto mean = Lanes<L>::load(means + channel);
      const auto gate = this->gate<T, L, kMask>(worker, means, channel);
      addPlanePair<L>(x_.pixels(), shiftSums + channel, scaleSums + channel, [&](int pixel, auto& sum, auto& product) {
        const std::ptrdiff_t at = place + pixel * x_.pixelStride;
        const auto input = Lanes<L>::load(gate.x + at);
        const auto gradient = gate.gradient(at, input);
        sum += gradient;
        product += gradient * (input - mean);
      });
    });
  }

  // This thread's share of dscale and dshift.
  void storeGradients(const Worker& worker, const double* shiftSums, const double* scaleSums) const {
    const float* variance = variance_.get(worker);
    for (int c = 0; c < x_.channels; c++) {
      const double inverse = 1.0 / std::sqrt(static_cast<double>(variance[c]) + static_cast<double>(epsilon_));
      worker.gradients[scaleGradient_ + static_cast<std::size_t>(c)] = static_cast<float>(scaleSums[c] * inverse);
      worker.gradients[shiftGradient_ + static_cast<std::size_t>(c)] = static_cast<float>(shiftSums[c]);
    }
  }

  // dx = a dy' + b (x - mean) + c with a, b, c of each channel; behind the means in the thread's vectors.
  void prepareAffine(const Worker& worker, float* mean) const {
    const int padded = x_.paddedChannels();
    float* a = mean + padded;
    float* b = a + padded;
    float* c = b + padded;
    const float* variance = variance_.get(worker);
    const float* scale = scale_.get(worker);
    for (int channel = 0; channel < x_.channels; channel++) {
      double shiftSum = 0;
      double scaleSum = 0;
      for (int thread = 0; thread < threads_; thread++) {
        shiftSum += partial(thread)[channel];
        scaleSum += partial(thread)[padded + channel];
      }
      const double inverse = 1.0 / std::sqrt(static_cast<double>(variance[channel]) + static_cast<double>(epsilon_));
      const double factor = static_cast<double>(scale[channel]) * inverse;
      a[channel] = static_cast<float>(factor);
      b[channel] = static_cast<float>(-factor * scaleSum * inverse * inverse / count_);
      c[channel] = static_cast<float>(-factor * shiftSum / count_);
    }
  }

  template <class T, int L, Mask kMask>
  void applySlice(const Worker& worker, const float* means) const {
    T* dx = worker.at<T>(dx_);
    T* dresidual = dresidual_ == nullptr ? nullptr : worker.at<T>(*dresidual_);
    const int padded = x_.paddedChannels();
    forEachPlane(x_, worker, [&](std::ptrdiff_t place, int channel) {
      const auto gate = this->gate<T, L, kMask>(worker, means, channel);
      const auto mean = Lanes<L>::load(means + channel);
      const auto a = Lanes<L>::load(means + padded + channel);
      const auto b = Lanes<L>::load(means + 2 * padded + channel);
      const auto c = Lanes<L>::load(means + 3 * padded + channel);
      for (int pixel = 0; pixel < x_.pixels(); pixel++) {
        const std::ptrdiff_t at = place + pixel * x_.pixelStride;
        const auto input = Lanes<L>::load(gate.x + at);
        const auto gradient = gate.gradient(at, input);
        const auto centred = input - mean;
        // Both results may lie over an input: everything is read before anything is written.
        if (dresidual != nullptr) gradient.store(dresidual + at);
        (gradient * a + centred * b + c).store(dx + at);
      }
    });
  }

  const Activation dy_;
  const Activation x_;
  const Mask mask_;
  const Activation* y_;
  const VectorRef scale_;
  const VectorRef shift_;
  const VectorRef mean_;
  const VectorRef variance_;
  const Activation dx_;
  const Activation* dresidual_;
  const std::size_t scaleGradient_;
  const std::size_t shiftGradient_;
  const float epsilon_;
  const int threads_;
  double* partials_;
  const double count_;
  std::vector<std::vector<float>> vectors_;
};
}  // namespace

InstructionPtr batchNormBackward(WordReader& words, PlanBuilder& builder) {
  return std::make_unique<Backward>(words, builder);
}
}  // namespace one
