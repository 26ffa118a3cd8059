#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "kernels/batch_norm/batch_norm.hpp"
#include "kernels/batch_norm/channel_sums.hpp"
#include "kernels/vector/planes.hpp"

namespace one {
namespace {

// y = rectify(x factor + offset + residual) for each channel.
template <class T, int L, Rectifier kRectifier>
void applyAffine(const Activation& shape, const Worker& worker, const T* x, const T* residual, T* y,
                 const float* factor, const float* offset) {
  forEachPlaneBackwards(shape, worker, [&](std::ptrdiff_t place, int channel, int) {
    const auto a = Lanes<L>::load(factor + channel);
    const auto b = Lanes<L>::load(offset + channel);
    for (int pixel = shape.pixels() - 1; pixel >= 0; pixel--) {
      const std::ptrdiff_t at = place + pixel * shape.pixelStride;
      prefetchBefore(x + at);
      prefetchBefore<true>(y + at);
      if (residual != nullptr) prefetchBefore(residual + at);
      auto value = Lanes<L>::load(x + at) * a + b;
      if (residual != nullptr) value += Lanes<L>::load(residual + at);
      rectified<kRectifier>(value).store(y + at);
    }
  });
}

template <class T, int L>
void applyAffine(const Activation& shape, const Worker& worker, const T* x, const T* residual, T* y,
                 const float* factor, const float* offset, Rectifier rectifier) {
  withRectifier(rectifier, [&](auto constant) {
    applyAffine<T, L, decltype(constant)::value>(shape, worker, x, residual, y, factor, offset);
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

// Mean and sum of squared distances from it, of this thread's samples, into its part of the region. Sums are taken of x - k with k
// the channel's first element, as sum(x^2) - n mean^2 would cancel where the mean is large.
template <class T, int L>
void storeStatisticsAs(const Activation& tensor, const Worker& worker, const StatisticsRegion& region) {
  const T* x = worker.at<T>(tensor);
  const int padded = tensor.paddedChannels();
  double* sums = region.of(worker.thread);
  double* squares = sums + region.distance();
  for (double* row : {sums, squares}) std::fill(row, row + padded, 0.0);
  forEachPlane(tensor, worker, [&](std::ptrdiff_t place, int channel, int) {
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
        y_(builder.optionalTensor(words)),
        residual_(builder.optionalTensor(words)),
        scale_(builder.vector(words)),
        shift_(builder.vector(words)),
        mean_(builder.tensor(words)),
        variance_(builder.tensor(words)),
        epsilon_(words.number()),
        rectifier_(readNamed(words, rectifierNames())),
        region_(readRegion(words, builder)),
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
  static StatisticsRegion readRegion(WordReader& words, PlanBuilder& builder) {
    const std::size_t number = words.size();
    return builder.statisticsRegion(number, words.integer());
  }
  double* partial(int thread) const { return region_.of(thread); }

  template <class T, int L>
  void run(Worker& worker) {
    if (!measured_) storeStatistics(x_, worker, region_);
    worker.team->wait();
    float* mean = worker.at<float>(mean_);
    float* variance = worker.at<float>(variance_);
    combine(mean, variance);
    if (y_ == nullptr) return;
    auto& factors = factors_[static_cast<std::size_t>(worker.thread)];
    auto& offsets = offsets_[static_cast<std::size_t>(worker.thread)];
    foldAffine(factors, offsets, x_.channels, scale_.get(worker), shift_.get(worker), mean, variance, epsilon_);
    const T* residual = residual_ == nullptr ? nullptr : worker.at<T>(*residual_);
    applyAffine<T, L>(x_, worker, worker.at<T>(x_), residual, worker.at<T>(*y_), factors.data(), offsets.data(),
                      rectifier_);
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
        distances += partial(thread)[region_.distance() + static_cast<std::size_t>(c)] + count * apart * apart;
      }
      mean[c] = static_cast<float>(centre);
      variance[c] = static_cast<float>(distances / total);
    }
  }

  const Activation x_;
  // None where those who read it apply the norm themselves.
  const Activation* y_;
  const Activation* residual_;
  const VectorRef scale_;
  const VectorRef shift_;
  const Activation mean_;
  const Activation variance_;
  const float epsilon_;
  const Rectifier rectifier_;
  const StatisticsRegion region_;
  // Whether the convolution before has filled the region.
  const bool measured_;
  const int threads_;
  std::vector<int> samplesOfThread_;
  std::vector<std::vector<float>> factors_;
  std::vector<std::vector<float>> offsets_;
};
void applyNorm(const Activation& x, const Activation& y, const Worker& worker, FoldedBatchNorm& norm,
               const Activation* residual, Rectifier rectifier) {
  norm.fold(worker);
  dispatch(x, [&](auto element, auto lanes) {
    using T = decltype(element);
    const T* added = residual == nullptr ? nullptr : worker.at<T>(*residual);
    applyAffine<T, decltype(lanes)::value>(x, worker, worker.at<T>(x), added, worker.at<T>(y), norm.factor(worker),
                                           norm.offset(worker), rectifier);
  });
}

class Inference : public Instruction {
 public:
  Inference(WordReader& words, PlanBuilder& builder)
      : x_(builder.tensor(words)),
        y_(builder.tensor(words)),
        residual_(builder.optionalTensor(words)),
        norm_(words, builder, x_.channels, x_.paddedChannels()),
        rectifier_(readNamed(words, rectifierNames())) {}

  void run(Worker& worker, const RunArguments&) override { applyNorm(x_, y_, worker, norm_, residual_, rectifier_); }

 private:
  const Activation x_;
  const Activation y_;
  const Activation* residual_;
  FoldedBatchNorm norm_;
  const Rectifier rectifier_;
};

}  // namespace

FoldedBatchNorm::FoldedBatchNorm(WordReader& words, const PlanBuilder& builder, int channels, int paddedChannels)
    : scale_(builder.vector(words)),
      shift_(builder.vector(words)),
      mean_(builder.vector(words)),
      variance_(builder.vector(words)),
      epsilon_(words.number()),
      channels_(channels),
      factors_(static_cast<std::size_t>(builder.threads()),
               std::vector<float>(static_cast<std::size_t>(paddedChannels))),
      offsets_(factors_) {}

FoldedBatchNorm FoldedBatchNorm::channelRange(int first, int count) const {
  FoldedBatchNorm range = *this;
  for (VectorRef* vector : {&range.scale_, &range.shift_, &range.mean_, &range.variance_})
    *vector = vector->from(first);
  range.channels_ = count;
  return range;
}

void FoldedBatchNorm::fold(const Worker& worker) {
  const auto thread = static_cast<std::size_t>(worker.thread);
  foldAffine(factors_[thread], offsets_[thread], channels_, scale_.get(worker), shift_.get(worker), mean_.get(worker),
             variance_.get(worker), epsilon_);
}

void storeStatistics(const Activation& x, const Worker& worker, const StatisticsRegion& region) {
  if (worker.samples == 0) return;
  dispatch(x, [&](auto element, auto lanes) {
    storeStatisticsAs<decltype(element), decltype(lanes)::value>(x, worker, region);
  });
}

void applyFolded(const Activation& x, const Worker& worker, FoldedBatchNorm& norm, const Activation* residual,
                 Rectifier rectifier) {
  applyNorm(x, x, worker, norm, residual, rectifier);
}

InstructionTable batchNormInstructions() {
  return {
      {"batchNormForward", make<Forward>},
      {"batchNormBackward", batchNormBackward},
      {"batchNormInference", make<Inference>},
  };
}

}  // namespace one
