// Batch norm with residual add and rectifier, forward, backward and with running averages.
#pragma once
#include "plan_builder.hpp"

namespace one {

InstructionPtr batchNormForward(WordReader& words, PlanBuilder& builder);
InstructionPtr batchNormBackward(WordReader& words, PlanBuilder& builder);
InstructionPtr batchNormInference(WordReader& words, PlanBuilder& builder);

}  // namespace one
