// What a convolution does with its input while it reads it, and with its results while they are at hand.
#pragma once
#include <memory>

#include "batch_norm.hpp"
#include "batch_norm_gate.hpp"
#include "plan_builder.hpp"

namespace one {

// Batch norm, residual (null = none) and rectifier between what lies in memory and what the convolution takes in.
struct NormedInput {
  FoldedBatchNorm norm;
  const Activation* residual;
};
// null = the input as it lies.
using Prologue = std::unique_ptr<NormedInput>;

// Sums of batch norm's gradient that the convolution which makes its dy takes on the way.
struct GradientSums {
  BatchNormGate gate;
  StatisticsRegion region;
};

struct Epilogue {
  // Leaves mean and squared distances of the results here.
  std::unique_ptr<StatisticsRegion> statistics;
  // Applies batch norm with known statistics, adds the residual, rectifies.
  std::unique_ptr<FoldedBatchNorm> norm;
  const Activation* residual = nullptr;
  bool relu = false;
  // Adds to what lies there: the sum of gradients at a join.
  bool accumulate = false;
  // Of the results, which are some batch norm's dy.
  std::unique_ptr<GradientSums> gradientSums;
};

}  // namespace one
