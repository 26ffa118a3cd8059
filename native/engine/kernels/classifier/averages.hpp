// Plain means of several classifiers: of their logits or features, and of their probabilities; f32 [batch, n].
#pragma once
#include "plan/instruction_table.hpp"

namespace one {

InstructionTable averageInstructions();

}  // namespace one
