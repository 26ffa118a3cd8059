// All instructions, of every family of kernels.
#pragma once
#include "plan/instruction_table.hpp"

namespace one {

const InstructionTable& instructions();

}  // namespace one
