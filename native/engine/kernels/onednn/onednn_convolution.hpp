// Convolutions and their gradients by oneDNN's direct kernels, in any layout. What a fused convolution does beside its sums is
// not theirs, but for a gradient that is added to another.
#pragma once
#include "kernels/convolution/convolution_window.hpp"
#include "plan/plan_builder.hpp"

namespace one::onednn {

// Each gives null where oneDNN has no kernel for the types here, or the addon no oneDNN.
InstructionPtr convolutionForward(const Activation& x, const Activation& y, const WeightShape& weights,
                                  const Kernel& kernel, bool training, PlanBuilder& builder);
InstructionPtr convolutionBackwardData(const Activation& dy, const Activation& dx, const WeightShape& weights,
                                       const Kernel& kernel, bool accumulate, PlanBuilder& builder);
InstructionPtr convolutionBackwardWeights(const Activation& x, const Activation& dy, const WeightShape& weights,
                                          std::size_t gradientOffset, const Kernel& kernel, PlanBuilder& builder);

}  // namespace one::onednn
