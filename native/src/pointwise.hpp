// 1x1 convolutions and their gradients on channels in blocks of sixteen: products of matrices whose rows are pixels. bf16
// activations are multiplied in f32, and a batch norm before or behind is done on the way.
#pragma once
#include "epilogue.hpp"
#include "plan_builder.hpp"

namespace one {

// Whether these kernels serve the convolution: 1x1, no padding, one group, channels in blocks of 16 (zeros fill up the last
// one), AVX-512.
bool pointwiseFits(const Activation& x, const Activation& y, const WeightShape& weights, int padding);

// y from x, or with `transposed` the gradient dx from dy; of x's pixels each `stride`-th in both directions counts.
InstructionPtr pointwiseConvolution(const Activation& x, const Activation& y, const WeightShape& weights, int stride,
                                    bool transposed, Prologue prologue, Epilogue epilogue, PlanBuilder& builder);
InstructionPtr pointwiseBackwardWeights(const Activation& x, const Activation& dy, std::size_t gradientOffset, int stride,
                                        Prologue prologue, PlanBuilder& builder);

}  // namespace one
