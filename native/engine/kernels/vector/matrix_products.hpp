// Products of matrices of any size that lie in memory as they are: both are packed once, then multiplied in registers.
#pragma once
#include <cstddef>

namespace one {

// Element (row, column) lies at data[row rowStride + column columnStride].
struct MatrixView {
  const float* data;
  std::ptrdiff_t rowStride;
  std::ptrdiff_t columnStride;
};

// Floats of scratch for a product of these sizes.
std::ptrdiff_t productScratch(int rows, int columns, int depth);

// C [rows, columns] = A [rows, depth] B [depth, columns], or with `add` that much more; rows of C lie `stride` apart. Each element
// is summed in the order of the depth, then added.
void multiplyMatrices(int rows, int columns, int depth, const MatrixView& a, const MatrixView& b, bool add, float* c,
                      std::ptrdiff_t stride, float* scratch);

}  // namespace one
