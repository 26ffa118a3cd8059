// What batch norm's gradient knows of the forward pass, element by element: its kernel and the convolution that makes its dy
// both read it.
#pragma once
#include <cmath>
#include <cstring>
#include <optional>
#include <type_traits>
#include <vector>

#include "kernels/vector/lanes.hpp"
#include "kernels/vector/rectifier.hpp"
#include "plan/named.hpp"
#include "plan/plan_builder.hpp"

namespace one {

// What the relu mask is computed from: the rectified output, or the norm of x (plus the residual) as the forward pass had it.
enum class MaskSource { none, output, input, sum };

inline const NamedTable<MaskSource>& maskSourceNames() {
  static const NamedTable<MaskSource> names{{"none", MaskSource::none},
                                            {"output", MaskSource::output},
                                            {"input", MaskSource::input},
                                            {"sum", MaskSource::sum}};
  return names;
}

constexpr bool isComputed(MaskSource source) { return source == MaskSource::input || source == MaskSource::sum; }

// Which elements of dy reach the norm.
template <MaskSource kFrom, Rectifier kBy>
struct ReluMask {
  static constexpr MaskSource kSource = kFrom;
  static constexpr Rectifier kRectifier = kBy;
  // Whether another tensor than x tells it.
  static constexpr bool kReadsBeside = kFrom == MaskSource::output || kFrom == MaskSource::sum;
};

// x, its mean, and the gradient behind the relu mask, of one channel block of a sample; places are those of dy.
template <class T, int L, class Mask>
struct BatchNormBackwardPlane {
  const T* x;
  // The output, or with MaskSource::sum what was added to the norm.
  const T* beside;
  Lanes<L> mean;
  Lanes<L> factor;
  Lanes<L> offset;

  // The output follows from x factor + offset (+ residual), so that it need not be there.
  Lanes<L> gradient(std::ptrdiff_t at, Lanes<L> input, Lanes<L> arriving) const {
    if constexpr (Mask::kSource == MaskSource::none) return arriving;
    if constexpr (Mask::kSource == MaskSource::output) return masked(Lanes<L>::load(beside + at), arriving);
    auto sum = input * factor + offset;
    if constexpr (Mask::kSource == MaskSource::sum) sum += Lanes<L>::load(beside + at);
    // Rounding keeps the sign, but may carry a sum to the upper bound.
    if constexpr (Mask::kRectifier == Rectifier::relu6 && std::is_same_v<T, Bf16>) sum = sum.rounded();
    return masked(sum, arriving);
  }
  static Lanes<L> masked(Lanes<L> output, Lanes<L> arriving) {
    return rectifiedGradient<Mask::kRectifier>(output, arriving);
  }
  // Adds to the sums of dy' and of dy' (x - mean).
  void addTo(std::ptrdiff_t at, Lanes<L> arriving, Lanes<L>& sum, Lanes<L>& product) const {
    const auto input = Lanes<L>::load(x + at);
    const auto let = gradient(at, input, arriving);
    sum += let;
    product += let * (input - mean);
  }
};

class BatchNormBackwardInput {
 public:
  BatchNormBackwardInput(WordReader& words, PlanBuilder& builder)
      : x_(builder.tensor(words)),
        maskSource_(readNamed(words, maskSourceNames())),
        rectifier_(readNamed(words, rectifierNames())),
        beside_(builder.maybeTensor(words)),
        scale_(builder.vector(words)),
        shift_(isComputed(maskSource_) ? builder.vector(words) : VectorRef{}),
        mean_(builder.vector(words)),
        variance_(builder.vector(words)),
        epsilon_(words.number()) {
    vectors_.resize(builder.workers().size(), std::vector<float>(3 * static_cast<std::size_t>(padded())));
  }

  BatchNormBackwardInput channelRange(int first, int count) const {
    BatchNormBackwardInput range = *this;
    range.x_ = x_.channelRange(first, count);
    if (beside_) range.beside_ = beside_->channelRange(first, count);
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
    if (!isComputed(maskSource_)) return;
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

  // Calls `body` with the kind of mask, a ReluMask.
  template <class Body>
  void withMask(const Body& body) const {
    if (maskSource_ == MaskSource::none) return body(ReluMask<MaskSource::none, Rectifier::none>{});
    if (rectifier_ == Rectifier::relu6) return withMaskOf<Rectifier::relu6>(body);
    return withMaskOf<Rectifier::relu>(body);
  }

  // Of the channel block that begins with `channel`, for places in dy, whose samples may lie at other distances than x's.
  template <class T, int L, class Mask>
  BatchNormBackwardPlane<T, L, Mask> plane(const Worker& worker, const Activation& dy, int sample, int channel) const {
    const std::ptrdiff_t apart = sample * (x_.sampleStride - dy.sampleStride);
    const float* vectors = vectors_[static_cast<std::size_t>(worker.thread)].data() + channel;
    return {worker.at<T>(x_) + apart, beside_ ? worker.at<T>(*beside_) : nullptr, Lanes<L>::load(vectors),
            Lanes<L>::load(vectors + padded()), Lanes<L>::load(vectors + 2 * padded())};
  }

 private:
  template <Rectifier kRectifier, class Body>
  void withMaskOf(const Body& body) const {
    switch (maskSource_) {
      case MaskSource::none: return;
      case MaskSource::output: return body(ReluMask<MaskSource::output, kRectifier>{});
      case MaskSource::input: return body(ReluMask<MaskSource::input, kRectifier>{});
      case MaskSource::sum: return body(ReluMask<MaskSource::sum, kRectifier>{});
    }
  }

  Activation x_;
  MaskSource maskSource_;
  Rectifier rectifier_;
  std::optional<Activation> beside_;
  VectorRef scale_;
  VectorRef shift_;
  VectorRef mean_;
  VectorRef variance_;
  float epsilon_;
  // Means, factors, offsets of each thread.
  std::vector<std::vector<float>> vectors_;
};

}  // namespace one
