// Channels of several tensors behind each other, and a range of channels out of one.
#pragma once
#include "plan/instruction_table.hpp"

namespace one {

InstructionTable channelInstructions();

}  // namespace one
