// Convolutions over plain images, such as a network's first layer, and the gradients of their filters. Results lie in blocks of
// sixteen channels; pixels are read where a band of lines lies in f32.
#pragma once
#include "kernels/convolution/convolution_window.hpp"
#include "kernels/convolution/epilogue.hpp"
#include "plan/plan_builder.hpp"

namespace one {

// Whether these kernels serve the convolution: a plain x, channels of y in blocks of 16 (zeros fill up the last one), one group,
// strides 1 and 2, up to 7 taps in a line.
bool imageFits(const Activation& x, const Activation& y, const WeightShape& weights, int stride);

InstructionPtr imageConvolution(const Activation& x, const Activation& y, const WeightShape& weights,
                                const Kernel& kernel, Epilogue epilogue, PlanBuilder& builder);
InstructionPtr imageBackwardWeights(const Activation& x, const Activation& dy, std::size_t gradientOffset,
                                    const Kernel& kernel, PlanBuilder& builder);

}  // namespace one
