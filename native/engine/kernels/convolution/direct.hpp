// Convolutions of any size and stride, and their gradients, on channels in blocks of sixteen: products of matrices whose rows
// are pixels, sixteen channels of one tap after the other. bf16 activations are multiplied in f32, and a batch norm before or
// behind is done on the way.
#pragma once
#include "kernels/convolution/convolution_window.hpp"
#include "kernels/convolution/epilogue.hpp"
#include "plan/plan_builder.hpp"

namespace one {

// Whether these kernels serve the convolution: channels in blocks of 16 (zeros fill up the last one).
bool directFits(const Activation& x, const Activation& y);

// y from x, or with `transposed` the gradient dx from dy.
InstructionPtr directConvolution(const Activation& x, const Activation& y, const WeightShape& weights,
                                 const Kernel& kernel, bool transposed, Prologue prologue, Epilogue epilogue,
                                 PlanBuilder& builder);
InstructionPtr directBackwardWeights(const Activation& x, const Activation& dy, const WeightShape& weights,
                                     std::size_t gradientOffset, const Kernel& kernel, Prologue prologue,
                                     PlanBuilder& builder);

}  // namespace one
