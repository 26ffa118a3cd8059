// The instructions of a family of kernels, by the names that src/engine/executors/cpu/lower-node.ts emits.
#pragma once
#include "plan/named.hpp"
#include "plan/plan_builder.hpp"

namespace one {

// Makes an instruction from its words.
using InstructionFactory = InstructionPtr (*)(WordReader&, PlanBuilder&);
using InstructionTable = NamedTable<InstructionFactory>;

// For classes that read all their words themselves.
template <class Class>
InstructionPtr make(WordReader& words, PlanBuilder& builder) {
  return std::make_unique<Class>(words, builder);
}

}  // namespace one
