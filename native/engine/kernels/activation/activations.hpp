// Activation functions as instructions of their own; rectifiers behind a batch norm are part of its instruction.
#pragma once
#include "plan/instruction_table.hpp"

namespace one {

InstructionTable activationInstructions();

}  // namespace one
