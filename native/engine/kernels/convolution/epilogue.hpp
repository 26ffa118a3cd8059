// What a convolution does with its input while it reads it, and with its results while they are at hand.
#pragma once
#include <optional>

#include "kernels/batch_norm/batch_norm.hpp"
#include "kernels/batch_norm/batch_norm_backward_input.hpp"
#include "plan/plan_builder.hpp"

namespace one {

// Of channels first .. first + count - 1, where both are multiples of the lanes.
inline std::optional<Activation> channelRange(const std::optional<Activation>& tensor, int first, int count) {
  return tensor ? std::optional<Activation>(tensor->channelRange(first, count)) : std::nullopt;
}

// Batch norm, residual and rectifier between what lies in memory and what the convolution takes in.
struct NormedInput {
  FoldedBatchNorm norm;
  std::optional<Activation> residual;
  Rectifier rectifier;
  NormedInput channelRange(int first, int count) const {
    return {norm.channelRange(first, count), one::channelRange(residual, first, count), rectifier};
  }
};
// None = the input as it lies.
using Prologue = std::optional<NormedInput>;
inline const NormedInput* pointerTo(const Prologue& prologue) { return prologue ? &*prologue : nullptr; }

// Sums of batch norm's gradient that the convolution which makes its dy takes on the way.
struct GradientSums {
  BatchNormBackwardInput norm;
  StatisticsRegion region;
};

struct Epilogue {
  // Leaves mean and squared distances of the results here.
  std::optional<StatisticsRegion> statistics;
  // Applies batch norm with known statistics, adds the residual, rectifies.
  std::optional<FoldedBatchNorm> norm;
  std::optional<Activation> residual;
  Rectifier rectifier = Rectifier::none;
  // Adds to what lies there: the sum of gradients at a join.
  bool accumulate = false;
  // Of the results, which are some batch norm's dy.
  std::optional<GradientSums> gradientSums;

  Epilogue channelRange(int first, int count) const {
    Epilogue range = *this;
    if (statistics) range.statistics = statistics->from(first);
    if (norm) range.norm = norm->channelRange(first, count);
    range.residual = one::channelRange(residual, first, count);
    if (gradientSums)
      range.gradientSums = {gradientSums->norm.channelRange(first, count), gradientSums->region.from(first)};
    return range;
  }
};

}  // namespace one
