// The one loop of products of our own convolutions: kRows x kColumns vectors of sums stay in registers over any depth.
#pragma once
#include <cstddef>

#include "kernels/vector/lanes.hpp"

namespace one {

constexpr int kVector = 16;

// How many vectors of sixteen floats the registers hold: 32 with AVX-512, 8 with AVX2 and NEON, 4 with SSE.
constexpr int kVectorsInRegisters = kRegisters * kRegisterLanes / kVector;
constexpr bool kManyRegisters = kVectorsInRegisters == 32;
// Vectors of results that are made of a pixel at a time.
constexpr int kColumnsAtOnce = kManyRegisters ? 2 : 1;

// A, of which one float at a time is multiplied: element (row, k) lies at data[row rowStride + k depthStride].
struct Factors {
  const float* data;
  std::ptrdiff_t rowStride;
  std::ptrdiff_t depthStride;
};

// B, of which vectors are multiplied: vector (k, column) lies at data + k depthStride + column columnStride.
struct Lines {
  const float* data;
  std::ptrdiff_t depthStride;
  std::ptrdiff_t columnStride;
};

template <int kRows, int kColumns>
struct RegisterProducts {
  using Vector = Lanes<kVector>;
  Vector sums[kRows][kColumns];

  [[gnu::always_inline]] void clear() {
#pragma GCC unroll 16
    for (int row = 0; row < kRows; row++) {
#pragma GCC unroll 4
      for (int column = 0; column < kColumns; column++) sums[row][column] = Vector::fill(0.0f);
    }
  }

  // Vectors of a row lie next to each other.
  [[gnu::always_inline]] void load(const float* from, std::ptrdiff_t rowStride) {
#pragma GCC unroll 16
    for (int row = 0; row < kRows; row++) {
#pragma GCC unroll 4
      for (int column = 0; column < kColumns; column++) {
        sums[row][column] = Vector::load(from + row * rowStride + column * kVector);
      }
    }
  }

  [[gnu::always_inline]] void store(float* to, std::ptrdiff_t rowStride) const {
#pragma GCC unroll 16
    for (int row = 0; row < kRows; row++) {
#pragma GCC unroll 4
      for (int column = 0; column < kColumns; column++)
        sums[row][column].store(to + row * rowStride + column * kVector);
    }
  }

  // sums += A B over `depth`.
  [[gnu::always_inline]] void add(int depth, const Factors& a, const Lines& b) {
    for (int k = 0; k < depth; k++) {
      Vector line[kColumns];
#pragma GCC unroll 4
      for (int column = 0; column < kColumns; column++) {
        line[column] = Vector::load(b.data + k * b.depthStride + column * b.columnStride);
      }
#pragma GCC unroll 16
      for (int row = 0; row < kRows; row++) {
        const Vector factor = Vector::fill(a.data[row * a.rowStride + k * a.depthStride]);
#pragma GCC unroll 4
        for (int column = 0; column < kColumns; column++) sums[row][column] += factor * line[column];
      }
    }
  }
};

}  // namespace one
