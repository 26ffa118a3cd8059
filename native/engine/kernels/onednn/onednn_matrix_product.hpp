// Products of matrices by oneDNN, where the addon has it: they need half to four fifths of the time of our own
// (kernels/vector/matrix_products.hpp).
#pragma once
#include "kernels/vector/matrix_products.hpp"

namespace one::onednn {

// As one::multiplyMatrices, where each matrix has rows or columns of neighbouring elements; false = there is no oneDNN, nothing
// was done. In one thread, as the calling thread's OpenMP setting is.
bool multiplyMatrices(int rows, int columns, int depth, const MatrixView& a, const MatrixView& b, bool add, float* c,
                      std::ptrdiff_t stride);

}  // namespace one::onednn
