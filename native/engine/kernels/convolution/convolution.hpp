// Convolutions and their gradients on oneDNN.
#pragma once
#include "plan/plan_builder.hpp"

namespace one {

InstructionPtr convolutionForward(WordReader& words, PlanBuilder& builder);
InstructionPtr convolutionBackwardData(WordReader& words, PlanBuilder& builder);
InstructionPtr convolutionBackwardWeights(WordReader& words, PlanBuilder& builder);

}  // namespace one
