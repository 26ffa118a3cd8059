// Largest element and mean of square windows, with their gradients. PyTorch's rules: sizes are rounded down, padding never
// is the largest and counts as zeros in the mean.
#pragma once
#include "plan/instruction_table.hpp"

namespace one {

InstructionTable poolingInstructions();

}  // namespace one
