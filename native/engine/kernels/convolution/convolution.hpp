// Convolutions and their gradients: which kernels serve each.
#pragma once
#include "plan/instruction_table.hpp"

namespace one {

InstructionPtr convolutionForward(WordReader& words, PlanBuilder& builder);
InstructionPtr convolutionBackwardData(WordReader& words, PlanBuilder& builder);
InstructionPtr convolutionBackwardWeights(WordReader& words, PlanBuilder& builder);

inline InstructionTable convolutionInstructions() {
  return {
      {"convolutionForward", convolutionForward},
      {"convolutionBackwardData", convolutionBackwardData},
      {"convolutionBackwardWeights", convolutionBackwardWeights},
  };
}

}  // namespace one
