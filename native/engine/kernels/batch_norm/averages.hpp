// Plain means of several classifiers: of their logits or features, and of their probabilities; f32 [batch, n].
#pragma once
#include "plan/plan_builder.hpp"

namespace one {

InstructionPtr average(WordReader& words, PlanBuilder& builder);
InstructionPtr averageGrad(WordReader& words, PlanBuilder& builder);
InstructionPtr logMeanProbability(WordReader& words, PlanBuilder& builder);

}  // namespace one
