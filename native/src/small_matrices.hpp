// Products of small matrices that stay in the caches: C = A B or C += A B with rows of B and C of whole vectors.
#pragma once
#include "register_products.hpp"

namespace one {

// A block of kRows x (16 kColumns) results. Element (row, k) of A lies at a[row rowStride + k depthStride].
template <int kRows, int kColumns, bool kAccumulate>
inline void multiplyBlock(int depth, const float* a, std::ptrdiff_t rowStride, std::ptrdiff_t depthStride, const float* b,
                          std::ptrdiff_t bStride, float* c, std::ptrdiff_t cStride) {
  RegisterProducts<kRows, kColumns> products;
  if constexpr (kAccumulate) products.load(c, cStride);
  else products.clear();
  products.add(depth, {a, rowStride, depthStride}, {b, bStride, kVector});
  products.store(c, cStride);
}

// C [rows, columns] (+)= A [rows, depth] B [depth, columns]; columns a multiple of 16, rows of 8 and, where columns are none of
// 32, of 16.
template <bool kAccumulate>
void multiplyMatrices(int rows, int columns, int depth, const float* a, std::ptrdiff_t rowStride,
                      std::ptrdiff_t depthStride, const float* b, std::ptrdiff_t bStride, float* c,
                      std::ptrdiff_t cStride) {
  if (columns % (2 * kVector) == 0) {
    for (int column = 0; column < columns; column += 2 * kVector) {
      for (int row = 0; row < rows; row += 8) {
        multiplyBlock<8, 2, kAccumulate>(depth, a + row * rowStride, rowStride, depthStride, b + column, bStride,
                                         c + row * cStride + column, cStride);
      }
    }
  } else {
    for (int column = 0; column < columns; column += kVector) {
      for (int row = 0; row < rows; row += 16) {
        multiplyBlock<16, 1, kAccumulate>(depth, a + row * rowStride, rowStride, depthStride, b + column, bStride,
                                          c + row * cStride + column, cStride);
      }
    }
  }
}

}  // namespace one
