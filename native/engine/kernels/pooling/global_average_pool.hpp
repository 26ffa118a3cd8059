// Mean of each channel over height and width, with its gradient.
#pragma once
#include "plan/instruction_table.hpp"

namespace one {

InstructionTable globalAveragePoolInstructions();

}  // namespace one
