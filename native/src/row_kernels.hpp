// Products of up to kMostRows pixel rows with the filters of one or two blocks of results.
#pragma once
#include <array>
#include <utility>

#include "register_products.hpp"

namespace one {

// Rows of one block of results in registers: with two columns, their lines and a factor they fill the 32 of AVX-512.
constexpr int kMostRows = 14;

// What the rows of a block are multiplied with, sixteen channels of one tap at a time.
struct RowProducts {
  int depthBlocks;
  const float* rows;
  std::ptrdiff_t rowBlockStride;
  const float* filters;                 // of the first column: [16 channels][16 results] at each offset
  const std::ptrdiff_t* filterOffsets;  // of each depth block
  std::ptrdiff_t columnStride;
};

template <int kRows, int kColumns>
void multiplyRows(const RowProducts& work, float* results) {
  RegisterProducts<kRows, kColumns> products;
  products.clear();
  for (int block = 0; block < work.depthBlocks; block++) {
    products.add(kVector, {work.rows + block * work.rowBlockStride, kVector, 1},
                 {work.filters + work.filterOffsets[block], kVector, work.columnStride});
  }
  products.store(results, kColumns * kVector);
}

using RowKernel = void (*)(const RowProducts&, float*);

template <int kColumns, int... kRows>
constexpr std::array<RowKernel, kMostRows> rowKernelsOf(std::integer_sequence<int, kRows...>) {
  return {&multiplyRows<kRows + 1, kColumns>...};
}

// By the number of rows, less one.
template <int kColumns>
constexpr std::array<RowKernel, kMostRows> kRowKernels = rowKernelsOf<kColumns>(std::make_integer_sequence<int, kMostRows>{});

}  // namespace one
