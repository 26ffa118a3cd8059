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

// Scale and shift as one multiply-add: factor = scale / sqrt(variance + epsilon), offset = shift - mean factor. The vectors
// are longer than the channels where those are padded: 0 there, so that padding stays 0 in the result.
void foldAffine(std::vector<float>& factors, std::vector<float>& offsets, int channels, const float* scale,
                const float* shift, const float* mean, const float* variance, float epsilon) {
  for (int c = 0; c < channels; c++) {
    const auto place = static_cast<std::size_t>(c);
    const float factor = scale[c] / std::sqrt(variance[c] + epsilon);
    factors[place] = factor;
    offsets[place] = shift[c] - mean[c] * factor;
  }
}

// Mean and sum of squared distances from it, of this thread's samples. Sums are taken of x - k with k the channel's first
// element, as sum(x^2) - n mean^2 would cancel where the mean is large.
template <class T, int L>
void storeStatisticsAs(const Activation& tensor, const Worker& worker, double* sums) {
  const T* x = worker.at<T>(tensor);
  const int padded = tensor.paddedChannels();
  double* squares = sums + padded;
  std::memset(sums, 0, 2 * static_cast<std::size_t>(padded) * sizeof(double));
  forEachPlane(tensor, worker, [&](std::ptrdiff_t place, int channel) {
    const auto shift = Lanes<L>::load(x + static_cast<std::ptrdiff_t>(channel / L) * tensor.blockStride);
    addPlanePair<L>(tensor.pixels(), sums + channel, squares + channel, [&](int pixel, auto& sum, auto& square) {
      const auto distance = Lanes<L>::load(x + place + pixel * tensor.pixelStride) - shift;
      sum += distance;
      square += distance * distance;
    });
  });
  const double count = static_cast<double>(worker.samples) * tensor.pixels();
  for (int c = 0; c < padded; c++) {
    const double first = static_cast<double>(widen(x[static_cast<std::ptrdiff_t>(c / L) * tensor.blockStride + c % L]));
    squares[c] -= sums[c] * sums[c] / count;
    sums[c] = first + sums[c] / count;
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
        region_(builder.statisticsRegion(words.size(), x_.paddedChannels())),
        measured_(words.integer() != 0),
        threads_(builder.threads()) {
    const auto channels = static_cast<std::size_t>(x_.paddedChannels());
    for (const Worker& worker : builder.workers()) {
      samplesOfThread_.push_back(worker.samples);
      factors_.emplace_back(channels);
      offsets_.emplace_back(channels);
    }
  }

  void run(Worker& worker, const RunArguments&) override {
    dispatch(x_, [&](auto element, auto lanes) { run<decltype(element), decltype(lanes)::value>(worker); });
  }

 private:
  double* partial(int thread) const { return region_.of(thread); }

  template <class T, int L>
  void run(Worker& worker) {
    if (!measured_) storeStatistics(x_, worker, region_);
    worker.team->wait();
    float* mean = worker.at<float>(mean_);
    float* variance = worker.at<float>(variance_);
    combine(mean, variance);
    auto& factors = factors_[static_cast<std::size_t>(worker.thread)];
    auto& offsets = offsets_[static_cast<std::size_t>(worker.thread)];
    foldAffine(factors, offsets, x_.channels, scale_.get(worker), shift_.get(worker), mean, variance, epsilon_);
    const T* residual = residual_ == nullptr ? nullptr : worker.at<T>(*residual_);
    applyAffine<T, L>(x_, worker, worker.at<T>(x_), residual, worker.at<T>(y_), factors.data(),
                      offsets.data(), relu_);
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
  const StatisticsRegion region_;
  // Whether the convolution before has filled the region.
  const bool measured_;
  const int threads_;
  std::vector<int> samplesOfThread_;
  std::vector<std::vector<float>> factors_;
  std::vector<std::vector<float>> offsets_;
};

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

void applyNorm(const Activation& x, const Activation& y, const Worker& worker, FoldedBatchNorm& norm,
               const Activation* residual, bool relu) {
  norm.fold(worker);
  dispatch(x, [&](auto element, auto lanes) {
    using T = decltype(element);
    const T* added = residual == nullptr ? nullptr : worker.at<T>(*residual);
    applyAffine<T, decltype(lanes)::value>(x, worker, worker.at<T>(x), added, worker.at<T>(y), norm.factor(worker),
                                           norm.offset(worker), relu);
  });
}

class Inference : public Instruction {
 public:
  Inference(WordReader& words, PlanBuilder& builder)
      : x_(builder.tensor(words)),
        y_(builder.tensor(words)),
        residual_(builder.optionalTensor(words)),
        norm_(words, builder, x_.channels, x_.paddedChannels()),
        relu_(words.integer() != 0) {}

  void run(Worker& worker, const RunArguments&) override { applyNorm(x_, y_, worker, norm_, residual_, relu_); }

 private:
  const Activation x_;
  const Activation y_;
  const Activation* residual_;
  FoldedBatchNorm norm_;
  const bool relu_;
};

}  // namespace

FoldedBatchNorm::FoldedBatchNorm(WordReader& words, const PlanBuilder& builder, int channels, int paddedChannels)
    : scale_(builder.vector(words)),
      shift_(builder.vector(words)),
      mean_(builder.vector(words)),
      variance_(builder.vector(words)),
      epsilon_(words.number()),
      channels_(channels),
      factors_(static_cast<std::size_t>(builder.threads()), std::vector<float>(static_cast<std::size_t>(paddedChannels))),
      offsets_(factors_) {}

void FoldedBatchNorm::fold(const Worker& worker) {
  const auto thread = static_cast<std::size_t>(worker.thread);
  foldAffine(factors_[thread], offsets_[thread], channels_, scale_.get(worker), shift_.get(worker), mean_.get(worker),
             variance_.get(worker), epsilon_);
}

void storeStatistics(const Activation& x, const Worker& worker, const StatisticsRegion& region) {
  if (worker.samples == 0) return;
  dispatch(x, [&](auto element, auto lanes) {
    storeStatisticsAs<decltype(element), decltype(lanes)::value>(x, worker, region.of(worker.thread));
  });
}

void applyFolded(const Activation& x, const Worker& worker, FoldedBatchNorm& norm, const Activation* residual,
                 bool relu) {
  applyNorm(x, x, worker, norm, residual, relu);
}

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
