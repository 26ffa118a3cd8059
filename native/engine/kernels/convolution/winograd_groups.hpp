// 3x3 convolutions in groups by Winograd's F(4x4, 3x3): each group is a convolution of its own over a range of channels.
#pragma once
#include "kernels/convolution/epilogue.hpp"
#include "plan/plan_builder.hpp"

namespace one {

// Whether the kernels of winograd.hpp serve each group of the convolution.
bool winogradGroupsFit(const Activation& x, const Activation& y, const WeightShape& weights, int stride, int padding);

// y from x, or with `transposed` dx from dy.
InstructionPtr winogradGroups(const Activation& x, const Activation& y, const WeightShape& weights, bool transposed,
                              const Prologue& prologue, const Epilogue& epilogue, PlanBuilder& builder);
InstructionPtr winogradGroupsBackwardWeights(const Activation& x, const Activation& dy, const WeightShape& weights,
                                             std::size_t gradientOffset, const Prologue& prologue,
                                             PlanBuilder& builder);

}  // namespace one
