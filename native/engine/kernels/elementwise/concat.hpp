// Channels of several tensors behind each other, and a range of channels out of one.
#pragma once
#include "plan/plan_builder.hpp"

namespace one {

InstructionPtr concat(WordReader& words, PlanBuilder& builder);
InstructionPtr sliceChannels(WordReader& words, PlanBuilder& builder);

}  // namespace one
