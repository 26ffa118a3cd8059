#include "batch_norm.hpp"

#include <cmath>
#include <cstring>
#include <type_traits>
#include <vector>

#include "channel_sums.hpp"
#include "lanes.hpp"

namespace one {
namespace {

// Calls `body.template operator()<T, L>()` for the tensor's element type and lanes.
template <class Body>
void dispatch(const Activation& tensor, const Body& body) {
  const auto byLanes = [&](auto element) {
    using T = decltype(element);
    if (tensor.lanes == 16) return body(T{}, std::integral_constant<int, 16>{});
    if (tensor.lanes == 8) return body(T{}, std::integral_constant<int, 8>{});
    return body(T{}, std::integral_constant<int, 1>{});
  };
  if (tensor.type == Type::f32) return byLanes(float{});
  return byLanes(Bf16{});
}

// Every (sample, channel block) of the worker's slice: `body(place of the plane's first element, first channel)`.
template <class Body>
void forEachPlane(const Activation& tensor, const Worker& worker, const Body& body) {
  for (int sample = 0; sample < worker.samples; sample++) {
    for (int block = 0; block < tensor.blocks; block++) {
      body(sample * tensor.sampleStride + block * tensor.blockStride, block * tensor.lanes);
    }
  }
}

// y = rectify(x factor + offset + residual) for each channel.
template <class T, int L>
void applyAffine(const Activation& shape, const Worker& worker, const T* x, const T* residual, T* y,
                 const float* factor, const float* offset, bool relu) {
  forEachPlane(shape, worker, [&](std::ptrdiff_t place, int channel) {
    const auto a = Lanes<L>::load(factor + channel);
    const auto b = Lanes<L>::load(offset + channel);
    for (int pixel = 0; pixel < shape.pixels(); pixel++) {
      const std::ptrdiff_t at = place + pixel * shape.pixelStride;
      auto value = Lanes<L>::load(x + at) * a + b;
      if (residual != nullptr) value += Lanes<L>::load(residual + at);
      (relu ? value.rectified() : value).store(y + at);
    }
  });
}

// Vectors of the normalisation, a set a thread, padded channels 0 so that they stay 0 in the result.
struct AffineScratch {
  std::vector<float> factor;
  std::vector<float> offset;
  explicit AffineScratch(int channels)
      : factor(static_cast<std::size_t>(channels)), offset(static_cast<std::size_t>(channels)) {}
};

// Scale and shift as one multiply-add: factor = scale / sqrt(variance + epsilon), offset = shift - mean factor.
void foldAffine(AffineScratch& scratch, int channels, const float* scale, const float* shift, const float* mean,
                const float* variance, float epsilon) {
  for (int c = 0; c < channels; c++) {
    const auto place = static_cast<std::size_t>(c);
    const float factor = scale[c] / std::sqrt(variance[c] + epsilon);
    scratch.factor[place] = factor;
    scratch.offset[place] = shift[c] - mean[c] * factor;
  }
}

class Forward : public Instruction {
 public:
  Forward(WordReader& words, PlanBuilder& builder)
      : x_(builder.tensor(words)),
        y_(builder.tensor(words)),
        residual_(builder.optionalTensor(words)),
        scale_(builder.vector(words)),
        shift_(builder.vector(words)),
        mean_(builder.tensor(words)),
        variance_(builder.tensor(words)),
        epsilon_(words.number()),
        relu_(words.integer() != 0),
        threads_(builder.threads()),
        samplesOfThread_(),
        partials_(builder.sharedDoubles(static_cast<std::size_t>(builder.threads()) * stride())) {
    for (const Worker& worker : builder.workers()) {
      samplesOfThread_.push_back(worker.samples);
      scratch_.emplace_back(x_.paddedChannels());
    }
  }

  void run(Worker& worker, const RunArguments&) override {
    dispatch(x_, [&](auto element, auto lanes) { run<decltype(element), decltype(lanes)::value>(worker); });
  }

 private:
  std::size_t stride() const { return 2 * static_cast<std::size_t>(x_.paddedChannels()); }
  double* partial(int thread) const { return partials_ + static_cast<std::size_t>(thread) * stride(); }

  template <class T, int L>
  void run(Worker& worker) {
    if (worker.samples > 0) sumSlice<T, L>(worker);
    worker.team->wait();
    float* mean = worker.at<float>(mean_);
    float* variance = worker.at<float>(variance_);
    combine(mean, variance);
    AffineScratch& scratch = scratch_[static_cast<std::size_t>(worker.thread)];
    foldAffine(scratch, x_.channels, scale_.get(worker), shift_.get(worker), mean, variance, epsilon_);
    const T* residual = residual_ == nullptr ? nullptr : worker.at<T>(*residual_);
    applyAffine<T, L>(x_, worker, worker.at<T>(x_), residual, worker.at<T>(y_), scratch.factor.data(),
                      scratch.offset.data(), relu_);
  }

  // Mean and sum of squared distances from it, of this thread's samples. Sums are taken of x - k with k the channel's
  // first element, as sum(x^2) - n mean^2 would cancel where the mean is large.
  template <class T, int L>
  void sumSlice(const Worker& worker) const {
    const T* x = worker.at<T>(x_);
    double* sums = partial(worker.thread);
    double* squares = sums + x_.paddedChannels();
    std::memset(sums, 0, stride() * sizeof(double));
    forEachPlane(x_, worker, [&](std::ptrdiff_t place, int channel) {
      const auto shift = Lanes<L>::load(x + static_cast<std::ptrdiff_t>(channel / L) * x_.blockStride);
      addPlanePair<L>(x_.pixels(), sums + channel, squares + channel, [&](int pixel, auto& sum, auto& square) {
        const auto distance = Lanes<L>::load(x + place + pixel * x_.pixelStride) - shift;
        sum += distance;
        square += distance * distance;
      });
    });
    const double count = static_cast<double>(worker.samples) * x_.pixels();
    for (int c = 0; c < x_.paddedChannels(); c++) {
      const double first = static_cast<double>(
          widen(x[static_cast<std::ptrdiff_t>(c / L) * x_.blockStride + c % L]));
      squares[c] -= sums[c] * sums[c] / count;
      sums[c] = first + sums[c] / count;
    }
  }

  // Joins the threads' means and squared distances (Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm
  // for computing sample variances", 1979), the same in every thread.
  void combine(float* mean, float* variance) const {
    double total = 0;
    for (const int samples : samplesOfThread_) total += static_cast<double>(samples) * x_.pixels();
    for (int c = 0; c < x_.channels; c++) {
      double centre = 0;
      for (int thread = 0; thread < threads_; thread++) {
        const double count = static_cast<double>(samplesOfThread_[static_cast<std::size_t>(thread)]) * x_.pixels();
        if (count > 0) centre += partial(thread)[c] * (count / total);
      }
      double distances = 0;
      for (int thread = 0; thread < threads_; thread++) {
        const double count = static_cast<double>(samplesOfThread_[static_cast<std::size_t>(thread)]) * x_.pixels();
        if (count == 0) continue;
        const double apart = partial(thread)[c] - centre;
        distances += partial(thread)[x_.paddedChannels() + c] + count * apart * apart;
      }
      mean[c] = static_cast<float>(centre);
      variance[c] = static_cast<float>(distances / total);
    }
  }

  const Activation x_;
  const Activation y_;
  const Activation* residual_;
  const VectorRef scale_;
  const VectorRef shift_;
  const Activation mean_;
  const Activation variance_;
  const float epsilon_;
  const bool relu_;
  const int threads_;
  std::vector<int> samplesOfThread_;
  double* partials_;
  std::vector<AffineScratch> scratch_;
};

// dy' = dy where the rectifier let through; dshift = sum dy', dscale = sum dy' xhat,
// dx = scale / sigma (dy' - dshift / n - xhat dscale / n) with xhat = (x - mean) / sigma (Ioffe and Szegedy, 2015).
class Backward : public Instruction {
 public:
  Backward(WordReader& words, PlanBuilder& builder)
      : dy_(builder.tensor(words)),
        x_(builder.tensor(words)),
        y_(builder.optionalTensor(words)),
        scale_(builder.vector(words)),
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
    vectors_.resize(builder.workers().size(), std::vector<float>(4 * channels));
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
    const bool relu = y_ != nullptr;
    if (relu) {
      sumSlice<T, L, true>(worker, mean, sums, sums + padded);
    } else {
      sumSlice<T, L, false>(worker, mean, sums, sums + padded);
    }
    storeGradients(worker, sums, sums + padded);
    worker.team->wait();
    prepareAffine(worker, mean);
    if (relu) {
      applySlice<T, L, true>(worker, mean);
    } else {
      applySlice<T, L, false>(worker, mean);
    }
  }

  template <class T, int L, bool kRelu>
  void sumSlice(const Worker& worker, const float* means, double* shiftSums, double* scaleSums) const {
    const T* dy = worker.at<T>(dy_);
    const T* x = worker.at<T>(x_);
    const T* y = kRelu ? worker.at<T>(*y_) : nullptr;
    forEachPlane(x_, worker, [&](std::ptrdiff_t place, int channel) {
      const auto mean = Lanes<L>::load(means + channel);
      addPlanePair<L>(x_.pixels(), shiftSums + channel, scaleSums + channel, [&](int pixel, auto& sum, auto& product) {
        const std::ptrdiff_t at = place + pixel * x_.pixelStride;
        auto gradient = Lanes<L>::load(dy + at);
        if constexpr (kRelu) gradient = Lanes<L>::where(Lanes<L>::load(y + at), gradient);
        sum += gradient;
        product += gradient * (Lanes<L>::load(x + at) - mean);
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

  template <class T, int L, bool kRelu>
  void applySlice(const Worker& worker, const float* means) const {
    const T* dy = worker.at<T>(dy_);
    const T* x = worker.at<T>(x_);
    const T* y = kRelu ? worker.at<T>(*y_) : nullptr;
    T* dx = worker.at<T>(dx_);
    T* dresidual = dresidual_ == nullptr ? nullptr : worker.at<T>(*dresidual_);
    const int padded = x_.paddedChannels();
    forEachPlane(x_, worker, [&](std::ptrdiff_t place, int channel) {
      const auto mean = Lanes<L>::load(means + channel);
      const auto a = Lanes<L>::load(means + padded + channel);
      const auto b = Lanes<L>::load(means + 2 * padded + channel);
      const auto c = Lanes<L>::load(means + 3 * padded + channel);
      for (int pixel = 0; pixel < x_.pixels(); pixel++) {
        const std::ptrdiff_t at = place + pixel * x_.pixelStride;
        auto gradient = Lanes<L>::load(dy + at);
        if constexpr (kRelu) gradient = Lanes<L>::where(Lanes<L>::load(y + at), gradient);
        const auto centred = Lanes<L>::load(x + at) - mean;
        // Both results may lie over an input: everything is read before anything is written.
        if (dresidual != nullptr) gradient.store(dresidual + at);
        (gradient * a + centred * b + c).store(dx + at);
      }
    });
  }

  const Activation dy_;
  const Activation x_;
  const Activation* y_;
  const VectorRef scale_;
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

class Inference : public Instruction {
 public:
  Inference(WordReader& words, PlanBuilder& builder)
      : x_(builder.tensor(words)),
        y_(builder.tensor(words)),
        residual_(builder.optionalTensor(words)),
        scale_(builder.vector(words)),
        shift_(builder.vector(words)),
        mean_(builder.vector(words)),
        variance_(builder.vector(words)),
        epsilon_(words.number()),
        relu_(words.integer() != 0) {
    for (std::size_t thread = 0; thread < builder.workers().size(); thread++) scratch_.emplace_back(x_.paddedChannels());
  }

  void run(Worker& worker, const RunArguments&) override {
    AffineScratch& scratch = scratch_[static_cast<std::size_t>(worker.thread)];
    foldAffine(scratch, x_.channels, scale_.get(worker), shift_.get(worker), mean_.get(worker), variance_.get(worker),
               epsilon_);
    dispatch(x_, [&](auto element, auto lanes) {
      using T = decltype(element);
      const T* residual = residual_ == nullptr ? nullptr : worker.at<T>(*residual_);
      applyAffine<T, decltype(lanes)::value>(x_, worker, worker.at<T>(x_), residual, worker.at<T>(y_),
                                             scratch.factor.data(), scratch.offset.data(), relu_);
    });
  }

 private:
  const Activation x_;
  const Activation y_;
  const Activation* residual_;
  const VectorRef scale_;
  const VectorRef shift_;
  const VectorRef mean_;
  const VectorRef variance_;
  const float epsilon_;
  const bool relu_;
  std::vector<AffineScratch> scratch_;
};

}  // namespace

InstructionPtr batchNormForward(WordReader& words, PlanBuilder& builder) {
  return std::make_unique<Forward>(words, builder);
}
InstructionPtr batchNormBackward(WordReader& words, PlanBuilder& builder) {
  return std::make_unique<Backward>(words, builder);
}
InstructionPtr batchNormInference(WordReader& words, PlanBuilder& builder) {
  return std::make_unique<Inference>(words, builder);
}

}  // namespace one
