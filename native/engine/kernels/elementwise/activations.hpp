// Activation functions as instructions of their own; rectifiers behind a batch norm are part of its instruction.
#pragma once
#include "plan/plan_builder.hpp"

namespace one {

InstructionPtr relu(WordReader& words, PlanBuilder& builder);
InstructionPtr reluGrad(WordReader& words, PlanBuilder& builder);
InstructionPtr relu6(WordReader& words, PlanBuilder& builder);
InstructionPtr relu6Grad(WordReader& words, PlanBuilder& builder);
InstructionPtr silu(WordReader& words, PlanBuilder& builder);
InstructionPtr siluGrad(WordReader& words, PlanBuilder& builder);

}  // namespace one
