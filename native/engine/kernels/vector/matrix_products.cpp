#include "kernels/vector/matrix_products.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "kernels/vector/register_products.hpp"
#include "kernels/vector/row_kernels.hpp"
#include "kernels/vector/transpose.hpp"

namespace one {
namespace {

constexpr int kPanel = kColumnsAtOnce * kVector;  // columns that are multiplied at once
using Vector = Lanes<kVector>;

// Columns of B that are packed at a time: they stay in the second-level cache while the rows of A pass by, and rows of C are
// written in long pieces.
int columnsAtATime(int columns, int depth) {
  constexpr int kElements = 64 * 1024;
  const int panels = std::max(1, kElements / (std::max(depth, 1) * kPanel));
  return std::min(panels, (columns + kPanel - 1) / kPanel) * kPanel;
}

// sums [row][column] = a block of rows, packed [depth][row], times a panel [depth][column].
template <int kRows>
void multiplyPanel(int depth, const float* a, const float* panel, float* sums) {
  RegisterProducts<kRows, kColumnsAtOnce> products;
  products.clear();
  products.add(depth, {a, 1, kRows}, {panel, kPanel, kVector});
  products.store(sums, kPanel);
}

using PanelKernel = void (*)(int, const float*, const float*, float*);

template <int... kRows>
constexpr std::array<PanelKernel, kMostRows> panelKernelsOf(std::integer_sequence<int, kRows...>) {
  return {&multiplyPanel<kRows + 1>...};
}

// By the number of rows, less one.
constexpr std::array<PanelKernel, kMostRows> kPanelKernels =
    panelKernelsOf(std::make_integer_sequence<int, kMostRows>{});

// Calls `body(first row, rows)` for the blocks of rows.
template <class Body>
void forRowBlocks(int rows, const Body& body) {
  for (int row = 0; row < rows;) {
    const int count = rowsOfBlock(rows - row);
    body(row, count);
    row += count;
  }
}

// Blocks of rows, one behind the other, each [depth][row].
void packRows(int rows, int depth, const MatrixView& a, float* packed) {
  forRowBlocks(rows, [&](int first, int count) {
    const float* source = a.data + first * a.rowStride;
    for (int k = 0; k < depth; k++) {
      for (int row = 0; row < count; row++) *packed++ = source[row * a.rowStride + k * a.columnStride];
    }
  });
}

Vector loadFirst(const float* from, int count) {
  alignas(64) float line[kVector] = {};
  std::copy(from, from + count, line);
  return Vector::load(line);
}

// `columns` of a panel from a matrix whose columns lie along memory, zeros behind them.
void packTransposed(int depth, int columns, const float* source, std::ptrdiff_t columnStride, float* panel) {
  for (int column = 0; column < kPanel; column += kVector) {
    const int count = std::clamp(columns - column, 0, kVector);
    for (int k = 0; k < depth; k += kVector) {
      const int steps = std::min(kVector, depth - k);
      Vector square[kVector];
      for (int own = 0; own < kVector; own++) {
        const float* from = source + (column + own) * columnStride + k;
        square[own] = own >= count       ? Vector::fill(0.0f)
                      : steps == kVector ? Vector::load(from)
                                         : loadFirst(from, steps);
      }
      transpose(square);
      for (int step = 0; step < steps; step++) square[step].store(panel + (k + step) * kPanel + column);
    }
  }
}

void writeSums(const float* sums, int count, bool add, float* target) {
  if (!add) {
    std::copy(sums, sums + count, target);
    return;
  }
  for (int column = 0; column < count; column++) target[column] += sums[column];
}

// Rows of B from `data` on, `columns` of them: [depth][kPanel], zeros behind the last column.
void packPanel(int depth, int columns, const float* data, const MatrixView& b, float* panel) {
  if (b.columnStride != 1) {
    packTransposed(depth, columns, data, b.columnStride, panel);
    return;
  }
  for (int k = 0; k < depth; k++) {
    const float* source = data + k * b.rowStride;
    std::copy(source, source + columns, panel);
    std::fill(panel + columns, panel + kPanel, 0.0f);
    panel += kPanel;
  }
}

}  // namespace

std::ptrdiff_t productScratch(int rows, int columns, int depth) {
  return static_cast<std::ptrdiff_t>(depth) * (rows + columnsAtATime(columns, depth));
}

void multiplyMatrices(int rows, int columns, int depth, const MatrixView& a, const MatrixView& b, bool add, float* c,
                      std::ptrdiff_t stride, float* scratch) {
  const int together = columnsAtATime(columns, depth);
  float* panels = scratch;
  float* packed = panels + static_cast<std::ptrdiff_t>(depth) * together;
  packRows(rows, depth, a, packed);
  for (int begin = 0; begin < columns; begin += together) {
    const int end = std::min(begin + together, columns);
    const auto panelOf = [&](int column) { return panels + static_cast<std::ptrdiff_t>(column - begin) * depth; };
    for (int column = begin; column < end; column += kPanel) {
      packPanel(depth, std::min(kPanel, end - column), b.data + column * b.columnStride, b, panelOf(column));
    }
    forRowBlocks(rows, [&](int first, int count) {
      alignas(64) float sums[kMostRows * kPanel];
      const float* block = packed + static_cast<std::ptrdiff_t>(first) * depth;
      for (int column = begin; column < end; column += kPanel) {
        kPanelKernels[static_cast<std::size_t>(count - 1)](depth, block, panelOf(column), sums);
        for (int row = 0; row < count; row++) {
          float* target = c + (first + row) * stride + column;
          writeSums(sums + row * kPanel, std::min(kPanel, end - column), add, target);
        }
      }
    });
  }
}

}  // namespace one
