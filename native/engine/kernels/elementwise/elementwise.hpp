// Pixels in, copies between layouts and precisions, and sums.
#pragma once
#include "plan/instruction_table.hpp"

namespace one {

InstructionTable elementwiseInstructions();

// Elements of `samples` rows of a tensor in logical order [sample, channel, pixel] as f32; padding channels left out.
void copyToPlain(const Activation& tensor, const Worker& worker, float* target);

// x += y over the worker's samples; y lies as x does.
void addSlice(const Activation& x, const Worker& worker, const void* y);

}  // namespace one
