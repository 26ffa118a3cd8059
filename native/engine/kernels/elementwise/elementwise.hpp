// Pixels in, copies between layouts and precisions, sums and pooling.
#pragma once
#include "plan/plan_builder.hpp"

namespace one {

InstructionPtr normalise(WordReader& words, PlanBuilder& builder);
InstructionPtr importState(WordReader& words, PlanBuilder& builder);
InstructionPtr cast(WordReader& words, PlanBuilder& builder);
InstructionPtr add(WordReader& words, PlanBuilder& builder);
InstructionPtr poolForward(WordReader& words, PlanBuilder& builder);
InstructionPtr poolBackward(WordReader& words, PlanBuilder& builder);

// Elements of `samples` rows of a tensor in logical order [sample, channel, pixel] as f32; padding channels left out.
void copyToPlain(const Activation& tensor, const Worker& worker, float* target);

// x += y over the worker's samples; y lies as x does.
void addSlice(const Activation& x, const Worker& worker, const void* y);

}  // namespace one
