// What follows the features: linear layers, gate, teacher, losses and counts on [batch, classes], all f32.
#pragma once
#include "plan/plan_builder.hpp"

namespace one {

InstructionPtr linearForward(WordReader& words, PlanBuilder& builder);
InstructionPtr linearBackwardInput(WordReader& words, PlanBuilder& builder);
InstructionPtr linearBackwardWeights(WordReader& words, PlanBuilder& builder);
InstructionPtr softmax(WordReader& words, PlanBuilder& builder);
InstructionPtr softmaxGrad(WordReader& words, PlanBuilder& builder);
InstructionPtr gatedSum(WordReader& words, PlanBuilder& builder);
InstructionPtr gatedSumGrad(WordReader& words, PlanBuilder& builder);
InstructionPtr crossEntropy(WordReader& words, PlanBuilder& builder);
InstructionPtr crossEntropyGrad(WordReader& words, PlanBuilder& builder);
InstructionPtr kullbackLeibler(WordReader& words, PlanBuilder& builder);
InstructionPtr kullbackLeiblerGrad(WordReader& words, PlanBuilder& builder);
InstructionPtr topKCorrect(WordReader& words, PlanBuilder& builder);
InstructionPtr scalarConstant(WordReader& words, PlanBuilder& builder);
InstructionPtr scalarAdd(WordReader& words, PlanBuilder& builder);
InstructionPtr scalarMultiply(WordReader& words, PlanBuilder& builder);
InstructionPtr scalarScale(WordReader& words, PlanBuilder& builder);

}  // namespace one
