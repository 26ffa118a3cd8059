// Products of small matrices that stay in the caches: C = A B or C += A B with rows of B and C of whole vectors.
#pragma once
#include <cstddef>

#include "lanes.hpp"

namespace one {

constexpr int kVector = 16;

// A block of kRows x (16 kColumns) results in registers. Element (row, k) of A lies at a[row rowStride + k depthStride].
template <int kRows, int kColumns, bool kAccumulate>
inline void multiplyBlock(int depth, const float* a, std::ptrdiff_t rowStride, std::ptrdiff_t depthStride, const float* b,
                          std::ptrdiff_t bStride, float* c, std::ptrdiff_t cStride) {
  using Vector = Lanes<kVector>;
  Vector sums[kRows][kColumns];
#pragma GCC unroll 16
  for (int row = 0; row < kRows; row++) {
#pragma GCC unroll 4
    for (int column = 0; column < kColumns; column++) {
      sums[row][column] =
          kAccumulate ? Vector::load(c + row * cStride + column * kVector) : Vector::fill(0.0f);
    }
  }
  for (int k = 0; k < depth; k++) {
    Vector line[kColumns];
#pragma GCC unroll 4
    for (int column = 0; column < kColumns; column++) line[column] = Vector::load(b + k * bStride + column * kVector);
#pragma GCC unroll 16
    for (int row = 0; row < kRows; row++) {
      const Vector factor = Vector::fill(a[row * rowStride + k * depthStride]);
#pragma GCC unroll 4
      for (int column = 0; column < kColumns; column++) sums[row][column] += factor * line[column];
    }
  }
#pragma GCC unroll 16
  for (int row = 0; row < kRows; row++) {
#pragma GCC unroll 4
    for (int column = 0; column < kColumns; column++) sums[row][column].store(c + row * cStride + column * kVector);
  }
}

// Rows of a block for `columns` results a row: a multiple of it is what multiplyMatrices takes.
constexpr int blockRows(int columns) { return columns % (2 * kVector) == 0 ? 8 : 16; }

// C [rows, columns] (+)= A [rows, depth] B [depth, columns]; columns a multiple of 16, rows of blockRows(columns).
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
