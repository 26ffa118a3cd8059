// Filters of Winograd's F(4x4, 3x3): between [O, I, 3, 3] as the state and the gradient hold them and transformed points.
#pragma once
#include <algorithm>
#include <cstring>

#include "kernels/convolution/winograd_tiles.hpp"
#include "kernels/vector/transpose.hpp"

namespace one::winograd {

constexpr int kAllTaps = kTaps * kTaps;

// The taps of 16 x 16 filters, [filter of `in`][tap], sixteen of `out` in a vector.
struct TapBlock {
  alignas(64) float lanes[kBlock * kAllTaps][kBlock];

  float* of(int in, int tap) { return lanes[in * kAllTaps + tap]; }
};

// Rows of filters as they lie in memory, those of up to sixteen neighbours of the second channel in a row; room for a vector
// behind the last.
struct TapRows {
  static constexpr int kRow = kBlock * kAllTaps;
  alignas(64) float rows[kBlock][kRow + kBlock];
};

// Filters [O, I, 3, 3] of which `in` and `out` name I and O, or O and I where they are transposed.
struct FilterOrder {
  int in;
  int out;
  bool transposed;

  std::ptrdiff_t row(int first, int second) const {
    return (static_cast<std::ptrdiff_t>(first) * (transposed ? out : in) + second) * kAllTaps;
  }
};

// Channels of a block that exist.
inline int existing(int first, int channels) { return std::clamp(channels - first, 0, kBlock); }

// Taps of the filters from 16 `in` to 16 `out` channels; transposed ones turned by 180 degrees. Zeros where channels fill up a
// block.
inline void gatherTaps(const float* weights, const FilterOrder& order, int in, int out, TapBlock& taps) {
  const int ins = existing(in, order.in);
  const int outs = existing(out, order.out);
  const int rows = order.transposed ? ins : outs;
  const int inRow = (order.transposed ? outs : ins) * kAllTaps;
  TapRows lines;
  for (int row = 0; row < kBlock; row++) {
    float* line = lines.rows[row];
    const int count = row < rows ? inRow : 0;
    if (count > 0) {
      const float* source = weights + (order.transposed ? order.row(in + row, out) : order.row(out + row, in));
      std::memcpy(line, source, sizeof(float) * static_cast<std::size_t>(count));
    }
    std::fill(line + count, line + TapRows::kRow + kBlock, 0.0f);
  }
  Vector square[kBlock];
  if (!order.transposed) {
    for (int column = 0; column < TapRows::kRow; column += kBlock) {
      for (int row = 0; row < kBlock; row++) square[row] = Vector::load(lines.rows[row] + column);
      transpose(square);
      for (int row = 0; row < kBlock; row++) square[row].store(taps.lanes[column + row]);
    }
    return;
  }
  for (int row = 0; row < kBlock; row++) {
    for (int lane = 0; lane < kBlock; lane++) square[lane] = Vector::load(lines.rows[row] + lane * kAllTaps);
    transpose(square);
    for (int tap = 0; tap < kAllTaps; tap++) square[kAllTaps - 1 - tap].store(taps.of(row, tap));
  }
}

// Writes or adds taps of the filters from 16 `in` to 16 `out` channels to a gradient [out, in, 3, 3].
template <bool kAccumulate>
void scatterTaps(const TapBlock& taps, const FilterOrder& order, int in, int out, float* gradient) {
  TapRows lines;
  Vector square[kBlock];
  for (int column = 0; column < TapRows::kRow; column += kBlock) {
    for (int row = 0; row < kBlock; row++) square[row] = Vector::load(taps.lanes[column + row]);
    transpose(square);
    for (int row = 0; row < kBlock; row++) square[row].store(lines.rows[row] + column);
  }
  const int count = existing(in, order.in) * kAllTaps;
  for (int row = 0; row < existing(out, order.out); row++) {
    float* target = gradient + order.row(out + row, in);
    for (int element = 0; element < count; element++) {
      target[element] = kAccumulate ? target[element] + lines.rows[row][element] : lines.rows[row][element];
    }
  }
}

// U = G g G^T of a square of filters as [point][in][out], sixteen outputs at a time; `rounded` to bf16 before.
inline void transformFilters(const Sizes& sizes, const FilterSquare& square, const float* weights,
                             const FilterOrder& order, bool rounded, float* u) {
  TapBlock block;
  for (int out = 0; out < square.outCount; out += kBlock) {
    for (int in = 0; in < square.inCount; in += kBlock) {
      gatherTaps(weights, order, square.in + in, square.out + out, block);
      for (int lane = 0; lane < kBlock; lane++) {
        Vector taps[kTaps][kTaps];
        Vector points[kInput][kInput];
        for (int tap = 0; tap < kAllTaps; tap++) {
          const Vector exact = Vector::load(block.of(lane, tap));
          taps[tap / kTaps][tap % kTaps] = rounded ? exact.rounded() : exact;
        }
        transformTile<kTaps, kInput, transformFilter>(taps, points);
        scatterPoints(points, sizes.filterPoint(), u + static_cast<std::ptrdiff_t>(in + lane) * sizes.outStep + out);
      }
    }
  }
}

// G^T dU G of a square: points [point][in][out] -> taps [out, in, 3, 3], written or added.
template <bool kAccumulate>
void transformFilterGradients(const Sizes& sizes, const FilterSquare& square, const float* du, const FilterOrder& order,
                              float* gradient) {
  TapBlock block;
  for (int out = 0; out < square.outCount; out += kBlock) {
    for (int in = 0; in < square.inCount; in += kBlock) {
      for (int lane = 0; lane < kBlock; lane++) {
        Vector points[kInput][kInput];
        Vector taps[kTaps][kTaps];
        const float* source = du + static_cast<std::ptrdiff_t>(in + lane) * sizes.outStep + out;
        for (int point = 0; point < kPoints; point++) {
          points[point / kInput][point % kInput] = Vector::load(source + point * sizes.filterPoint());
        }
        transformTile<kInput, kTaps, transformFilterGradient>(points, taps);
        for (int tap = 0; tap < kAllTaps; tap++) taps[tap / kTaps][tap % kTaps].store(block.of(lane, tap));
      }
      scatterTaps<kAccumulate>(block, order, square.in + in, square.out + out, gradient);
    }
  }
}

}  // namespace one::winograd
