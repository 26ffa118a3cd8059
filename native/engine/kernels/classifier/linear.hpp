// Linear layers on [batch, features], all f32.
#pragma once
#include "plan/instruction_table.hpp"

namespace one {

InstructionTable linearInstructions();

}  // namespace one
