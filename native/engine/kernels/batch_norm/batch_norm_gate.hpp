// What batch norm's gradient knows of the forward pass, element by element; the gradient itself and the convolution that
// makes its dy both look through it.
#pragma once
#include <cmath>
#include <cstring>
#include <optional>
#include <type_traits>
#include <vector>

#include "kernels/vector/lanes.hpp"
#include "plan/plan_builder.hpp"

namespace one {

// What tells which elements the rectifier let through.
enum class Mask { none = 0, fromOutput = 1, fromInput = 2, fromSum = 3 };

// Whether the mask follows from the norm of x, computed as the forward pass did, and not from what it left.
constexpr bool isComputed(Mask mask) { return mask == Mask::fromInput || mask == Mask::fromSum; }

// x, its mean, and the gradient that the rectifier lets through, of one channel block of a sample; places are those of dy.
template <class T, int L, Mask kMask>
struct Gate {
  const T* x;
  // With Mask::fromSum what was added to the norm.
  const T* y;
  Lanes<L> mean;
  Lanes<L> factor;
  Lanes<L> offset;

  // The sign of y is that of x factor + offset (+ residual), so that y need not be there.
  Lanes<L> gradient(std::ptrdiff_t at, Lanes<L> input, Lanes<L> arriving) const {
    if constexpr (kMask == Mask::fromOutput) return Lanes<L>::where(Lanes<L>::load(y + at), arriving);
    if constexpr (kMask == Mask::fromInput) return Lanes<L>::where(input * factor + offset, arriving);
    if constexpr (kMask == Mask::fromSum) {
      auto sum = input * factor + offset;
      sum += Lanes<L>::load(y + at);
      return Lanes<L>::where(sum, arriving);
    }
    return arriving;
  }
  // Adds to the sums of dy' and of dy' (x - mean).
  void addTo(std::ptrdiff_t at, Lanes<L> arriving, Lanes<L>& sum, Lanes<L>& product) const {
    const auto input = Lanes<L>::load(x + at);
    const auto let = gradient(at, input, arriving);
    sum += let;
    product += let * (input - mean);
  }
};

class BatchNormGate {
 public:
  BatchNormGate(WordReader& words, PlanBuilder& builder)
      : x_(builder.tensor(words)),
        mask_(static_cast<Mask>(words.integer())),
        y_(builder.maybeTensor(words)),
        scale_(builder.vector(words)),
        shift_(isComputed(mask_) ? builder.vector(words) : VectorRef{}),
        mean_(builder.vector(words)),
        variance_(builder.vector(words)),
        epsilon_(words.number()) {
    vectors_.resize(builder.workers().size(), std::vector<float>(3 * static_cast<std::size_t>(padded())));
  }

  BatchNormGate channelRange(int first, int count) const {
    BatchNormGate range = *this;
    range.x_ = x_.channelRange(first, count);
    if (y_) range.y_ = y_->channelRange(first, count);
    for (VectorRef* vector : {&range.scale_, &range.shift_, &range.mean_, &range.variance_})
      *vector = vector->from(first);
    return range;
  }

  const Activation& x() const { return x_; }
  int padded() const { return x_.paddedChannels(); }
  const float* scale(const Worker& worker) const { return scale_.get(worker); }
  double inverseDeviation(const Worker& worker, int channel) const {
    return 1.0 / std::sqrt(static_cast<double>(variance_.get(worker)[channel]) + static_cast<double>(epsilon_));
  }

  // Copies the means, and the forward pass's factors and offsets where they tell the mask, into the thread's vectors.
  void prepare(const Worker& worker) {
    float* means = vectors_[static_cast<std::size_t>(worker.thread)].data();
    std::memcpy(means, mean_.get(worker), sizeof(float) * static_cast<std::size_t>(x_.channels));
    if (!isComputed(mask_)) return;
    float* factor = means + padded();
    float* offset = factor + padded();
    const float* scale = scale_.get(worker);
    const float* shift = shift_.get(worker);
    const float* variance = variance_.get(worker);
    for (int c = 0; c < x_.channels; c++) {
      factor[c] = scale[c] / std::sqrt(variance[c] + epsilon_);
      offset[c] = shift[c] - means[c] * factor[c];
    }
  }

  // Calls `body` with the kind of mask as a constant.
  template <class Body>
  void withMask(const Body& body) const {
    switch (mask_) {
      case Mask::none: return body(std::integral_constant<Mask, Mask::none>{});
      case Mask::fromOutput: return body(std::integral_constant<Mask, Mask::fromOutput>{});
      case Mask::fromInput: return body(std::integral_constant<Mask, Mask::fromInput>{});
      case Mask::fromSum: return body(std::integral_constant<Mask, Mask::fromSum>{});
    }
  }

  // Of the channel block that begins with `channel`, for places in dy, whose samples may lie at other distances than x's.
  template <class T, int L, Mask kMask>
  Gate<T, L, kMask> gate(const Worker& worker, const Activation& dy, int sample, int channel) const {
    const std::ptrdiff_t apart = sample * (x_.sampleStride - dy.sampleStride);
    const float* vectors = vectors_[static_cast<std::size_t>(worker.thread)].data() + channel;
    return {worker.at<T>(x_) + apart, y_ ? worker.at<T>(*y_) : nullptr, Lanes<L>::load(vectors),
            Lanes<L>::load(vectors + padded()), Lanes<L>::load(vectors + 2 * padded())};
  }

 private:
  Activation x_;
  Mask mask_;
  std::optional<Activation> y_;
  VectorRef scale_;
  VectorRef shift_;
  VectorRef mean_;
  VectorRef variance_;
  float epsilon_;
  // Means, factors, offsets of each thread.
  std::vector<std::vector<float>> vectors_;
};

}  // namespace one
