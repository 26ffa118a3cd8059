// What follows the logits: the gate's teacher, losses, counts and their scalars; f32 [batch, classes].
#pragma once
#include "plan/instruction_table.hpp"

namespace one {

InstructionTable lossInstructions();

}  // namespace one
