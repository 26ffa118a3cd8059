// A convolution that does no more than store its results, followed by what a fused one does on the way.
#pragma once
#include "kernels/convolution/epilogue.hpp"

namespace one {

// Statistics, batch norm, residual and rectifier of the epilogue; the convolution itself where it asks for none.
InstructionPtr withEpilogue(InstructionPtr convolution, const Activation& y, Epilogue epilogue);

}  // namespace one
