// Convolutions of any shape and their gradients on tensors of any layout and precision: each sample as plain f32 images, one
// filter element after another. They serve what no faster kernel does, such as images of few channels whose gradient is
// asked for, and are a slow twin of the others.
#pragma once
#include "kernels/convolution/convolution_window.hpp"
#include "plan/plan_builder.hpp"

namespace one {

// y from x, or with `transposed` dx from dy, which `accumulate` adds to what lies there.
InstructionPtr anyLayoutConvolution(const Activation& x, const Activation& y, const WeightShape& weights,
                                    const Kernel& kernel, bool transposed, bool accumulate, PlanBuilder& builder);
InstructionPtr anyLayoutBackwardWeights(const Activation& x, const Activation& dy, const WeightShape& weights,
                                        std::size_t gradientOffset, const Kernel& kernel, PlanBuilder& builder);

}  // namespace one
