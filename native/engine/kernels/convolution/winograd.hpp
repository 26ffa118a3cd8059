// 3x3 convolutions of stride 1 by Winograd's F(4x4, 3x3), and their gradients: a quarter of the products.
#pragma once
#include "kernels/convolution/epilogue.hpp"
#include "plan/plan_builder.hpp"

namespace one {

// Most channels of a convolution that these kernels serve: of more the scratch memory, 36 points of each tile, grows large.
constexpr int kWinogradChannels = 1024;

// Whether these kernels serve the convolution: 3x3, stride 1, padding 1, one group, channels in blocks of 16 (zeros fill up
// the last one).
bool winogradFits(const Activation& x, const Activation& y, const WeightShape& weights, int stride, int padding);

// y from x, or with `transposed` the gradient dx from dy: the same with filters turned around and transposed.
InstructionPtr winogradConvolution(const Activation& x, const Activation& y, const WeightShape& weights,
                                   bool transposed, Prologue prologue, Epilogue epilogue, PlanBuilder& builder);
InstructionPtr winogradBackwardWeights(const Activation& x, const Activation& dy, std::size_t gradientOffset,
                                       Prologue prologue, PlanBuilder& builder);

}  // namespace one
