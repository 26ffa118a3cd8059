// Largest element and mean of square windows, with their gradients. PyTorch's rules: sizes are rounded down, padding never
// is the largest and counts as zeros in the mean.
#pragma once
#include "plan/plan_builder.hpp"

namespace one {

InstructionPtr maxPool(WordReader& words, PlanBuilder& builder);
InstructionPtr maxPoolGrad(WordReader& words, PlanBuilder& builder);
InstructionPtr averagePool(WordReader& words, PlanBuilder& builder);
InstructionPtr averagePoolGrad(WordReader& words, PlanBuilder& builder);

}  // namespace one
