// Products of small matrices that stay in the caches: C = A B or C += A B with rows of B and C of whole vectors.
#pragma once
#include "kernels/vector/register_products.hpp"

namespace one {

// A block of kRows x (16 kColumns) results. Element (row, k) of A lies at a[row rowStride + k depthStride].
template <int kRows, int kColumns, bool kAccumulate>
inline void multiplyBlock(int depth, const float* a, std::ptrdiff_t rowStride, std::ptrdiff_t depthStride,
                          const float* b, std::ptrdiff_t bStride, float* c, std::ptrdiff_t cStride) {
  RegisterProducts<kRows, kColumns> products;
  if constexpr (kAccumulate)
    products.load(c, cStride);
  else
    products.clear();
  products.add(depth, {a, rowStride, depthStride}, {b, bStride, kVector});
  products.store(c, cStride);
}

template <int kRows, int kColumns, bool kAccumulate>
void multiplyInBlocks(int rows, int columns, int depth, const float* a, std::ptrdiff_t rowStride,
                      std::ptrdiff_t depthStride, const float* b, std::ptrdiff_t bStride, float* c,
                      std::ptrdiff_t cStride) {
  for (int column = 0; column < columns; column += kColumns * kVector) {
    for (int row = 0; row < rows; row += kRows) {
      multiplyBlock<kRows, kColumns, kAccumulate>(depth, a + row * rowStride, rowStride, depthStride, b + column,
                                                  bStride, c + row * cStride + column, cStride);
    }
  }
}

// C [rows, columns] (+)= A [rows, depth] B [depth, columns]; rows and columns multiples of 16. The wider a block, the fewer of
// its operands are loaded again.
template <bool kAccumulate>
void multiplyMatrices(int rows, int columns, int depth, const float* a, std::ptrdiff_t rowStride,
                      std::ptrdiff_t depthStride, const float* b, std::ptrdiff_t bStride, float* c,
                      std::ptrdiff_t cStride) {
  if constexpr (kVectorsInRegisters < 8) {
    multiplyInBlocks<2, 1, kAccumulate>(rows, columns, depth, a, rowStride, depthStride, b, bStride, c, cStride);
  } else if constexpr (!kManyRegisters) {
    multiplyInBlocks<4, 1, kAccumulate>(rows, columns, depth, a, rowStride, depthStride, b, bStride, c, cStride);
  } else if (columns % (4 * kVector) == 0) {
    multiplyInBlocks<4, 4, kAccumulate>(rows, columns, depth, a, rowStride, depthStride, b, bStride, c, cStride);
  } else if (columns % (2 * kVector) == 0) {
    multiplyInBlocks<8, 2, kAccumulate>(rows, columns, depth, a, rowStride, depthStride, b, bStride, c, cStride);
  } else {
    multiplyInBlocks<16, 1, kAccumulate>(rows, columns, depth, a, rowStride, depthStride, b, bStride, c, cStride);
  }
}

}  // namespace one
