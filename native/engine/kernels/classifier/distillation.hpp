// What methods of distillation beside ONE need: attention between classifiers, and targets and divergences of their own.
#pragma once
#include "plan/instruction_table.hpp"

namespace one {

InstructionTable distillationInstructions();

}  // namespace one
