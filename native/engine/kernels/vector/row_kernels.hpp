// Products of up to kMostRows pixels with the filters of one or two blocks of results.
#pragma once
#include <array>
#include <utility>

#include "kernels/vector/register_products.hpp"

namespace one {

// Rows of results in registers: with kColumnsAtOnce columns, their lines and a factor they fill all there are.
constexpr int kMostRows = kManyRegisters ? 14 : kVectorsInRegisters == 8 ? 6 : 3;

// What the pixels of a block are multiplied with, step by step: kDepth products of neighbouring floats of each pixel.
struct RowProducts {
  int steps;
  const float* rows;
  const std::ptrdiff_t* rowOffsets;     // of each step
  const float* filters;                 // of the first column: [products of the step][16 results] at each offset
  const std::ptrdiff_t* filterOffsets;  // of each step
  std::ptrdiff_t columnStride;
};

// Where pixels lie: `kStride` floats apart, with `kDepth` products a step; kDepth 0 = as many as `depth` says.
template <int kStrideOfRows, int kDepthOfSteps>
struct RowLayout {
  static constexpr int kStride = kStrideOfRows;
  static constexpr int kDepth = kDepthOfSteps;
};

template <int kRows, int kColumns, class Layout>
void multiplyRows(const RowProducts& work, int depth, float* results) {
  RegisterProducts<kRows, kColumns> products;
  products.clear();
  for (int step = 0; step < work.steps; step++) {
    const float* rows = work.rows + work.rowOffsets[step];
    const float* filters = work.filters + work.filterOffsets[step];
    if constexpr (Layout::kDepth > 0) {
      products.add(Layout::kDepth, {rows, Layout::kStride, 1}, {filters, kVector, work.columnStride});
    } else {
      for (int k = 0; k < depth; k++) {
        // Hides that a pixel's next float is a neighbour's first: g++ would carry those along instead of loading them anew, and
        // have no registers left for sums.
        asm("" : "+r"(rows));
        products.add(1, {rows++, Layout::kStride, 1}, {filters + k * kVector, kVector, work.columnStride});
      }
    }
  }
  products.store(results, kColumns * kVector);
}

using RowKernel = void (*)(const RowProducts&, int, float*);

template <int kColumns, class Layout, int... kRows>
constexpr std::array<RowKernel, kMostRows> rowKernelsOf(std::integer_sequence<int, kRows...>) {
  return {&multiplyRows<kRows + 1, kColumns, Layout>...};
}

// By the number of rows, less one.
template <int kColumns, class Layout>
constexpr std::array<RowKernel, kMostRows> kRowKernels =
    rowKernelsOf<kColumns, Layout>(std::make_integer_sequence<int, kMostRows>{});

// Rows of the next block of `left` rows: blocks of about the same size.
inline int rowsOfBlock(int left) {
  const int blocks = (left + kMostRows - 1) / kMostRows;
  return (left + blocks - 1) / blocks;
}

}  // namespace one
