// Convolutions of single channels (groups = channels, as in MobileNet) of any kernel and stride, and their gradients, on channels
// in blocks of sixteen: sixteen channels are sixteen lanes, so that nothing but their own taps is multiplied. bf16
// activations are multiplied in f32, and a batch norm before or behind is done on the way.
#pragma once
#include "kernels/convolution/convolution_window.hpp"
#include "kernels/convolution/epilogue.hpp"
#include "plan/plan_builder.hpp"

namespace one {

// Whether these kernels serve the convolution: as many groups as channels of x and y, in blocks of 16 (zeros fill up the last).
bool depthwiseFits(const Activation& x, const Activation& y, const WeightShape& weights);

// y from x, or with `transposed` the gradient dx from dy.
InstructionPtr depthwiseConvolution(const Activation& x, const Activation& y, const WeightShape& weights,
                                    const Kernel& kernel, bool transposed, Prologue prologue, Epilogue epilogue,
                                    PlanBuilder& builder);
InstructionPtr depthwiseBackwardWeights(const Activation& x, const Activation& dy, const WeightShape& weights,
                                        std::size_t gradientOffset, const Kernel& kernel, Prologue prologue,
                                        PlanBuilder& builder);

}  // namespace one
