// What a convolution does with its results while they are at hand, beside storing them.
#pragma once
#include <memory>

#include "batch_norm.hpp"
#include "plan_builder.hpp"

namespace one {

struct Epilogue {
  // Leaves mean and squared distances of the results here.
  std::unique_ptr<StatisticsRegion> statistics;
  // Applies batch norm with known statistics, adds the residual, rectifies.
  std::unique_ptr<FoldedBatchNorm> norm;
  const Activation* residual = nullptr;
  bool relu = false;
  // Adds to what lies there: the sum of gradients at a join.
  bool accumulate = false;
};

}  // namespace one
