// The one-dimensional transforms of Winograd's F(4, 3): four outputs of a convolution with three taps from six inputs with
// six products instead of twelve (Winograd 1980; Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks",
// 2016). Interpolation points 0, +-a, +-b, infinity; with a = 5/8 and b = 3/2 the rounding error in f32 is about twice that
// of a direct convolution, less than half of that of the usual points 1 and 2 (docs/convolutions.md).
#pragma once
#include "kernels/vector/lanes.hpp"

namespace one::winograd {

constexpr int kOutput = 4;  // pixels of a tile's side
constexpr int kInput = 6;   // pixels of a tile's side with its border
constexpr int kTaps = 3;
constexpr int kPoints = kInput * kInput;

constexpr float kA = 0.625f;
constexpr float kB = 1.5f;
constexpr float kA2 = kA * kA;
constexpr float kB2 = kB * kB;
constexpr float kA3 = kA2 * kA;
constexpr float kB3 = kB2 * kB;
// Denominators of Lagrange's polynomials at 0, +-a and +-b.
constexpr float kAtZero = 1.0f / (kA2 * kB2);
constexpr float kAtA = 1.0f / (2.0f * kA2 * (kA2 - kB2));
constexpr float kAtB = 1.0f / (2.0f * kB2 * (kB2 - kA2));

using Vector = Lanes<16>;
inline Vector times(float factor, Vector x) { return Vector::fill(factor) * x; }

// B^T d: six pixels -> six points.
inline void transformInput(const Vector (&d)[kInput], Vector (&v)[kInput]) {
  const Vector evenA = d[4] - times(kB2, d[2]);
  const Vector oddA = times(kA, d[3]) - times(kA * kB2, d[1]);
  const Vector evenB = d[4] - times(kA2, d[2]);
  const Vector oddB = times(kB, d[3]) - times(kB * kA2, d[1]);
  v[0] = times(kA2 * kB2, d[0]) - times(kA2 + kB2, d[2]) + d[4];
  v[1] = evenA + oddA;
  v[2] = evenA - oddA;
  v[3] = evenB + oddB;
  v[4] = evenB - oddB;
  v[5] = times(kA2 * kB2, d[1]) - times(kA2 + kB2, d[3]) + d[5];
}

// A^T m: six points -> four pixels.
inline void transformOutput(const Vector (&m)[kInput], Vector (&y)[kOutput]) {
  const Vector sumA = m[1] + m[2];
  const Vector differenceA = m[1] - m[2];
  const Vector sumB = m[3] + m[4];
  const Vector differenceB = m[3] - m[4];
  y[0] = m[0] + sumA + sumB;
  y[1] = times(kA, differenceA) + times(kB, differenceB);
  y[2] = times(kA2, sumA) + times(kB2, sumB);
  y[3] = times(kA3, differenceA) + times(kB3, differenceB) + m[5];
}

// A dy: four pixels of the gradient -> six points, the adjoint of transformOutput.
inline void transformOutputGradient(const Vector (&dy)[kOutput], Vector (&dm)[kInput]) {
  const Vector evenA = dy[0] + times(kA2, dy[2]);
  const Vector oddA = times(kA, dy[1]) + times(kA3, dy[3]);
  const Vector evenB = dy[0] + times(kB2, dy[2]);
  const Vector oddB = times(kB, dy[1]) + times(kB3, dy[3]);
  dm[0] = dy[0];
  dm[1] = evenA + oddA;
  dm[2] = evenA - oddA;
  dm[3] = evenB + oddB;
  dm[4] = evenB - oddB;
  dm[5] = dy[3];
}

// G g: three taps -> six points.
inline void transformFilter(const Vector (&g)[kTaps], Vector (&u)[kInput]) {
  const Vector evenA = g[0] + times(kA2, g[2]);
  const Vector oddA = times(kA, g[1]);
  const Vector evenB = g[0] + times(kB2, g[2]);
  const Vector oddB = times(kB, g[1]);
  u[0] = times(kAtZero, g[0]);
  u[1] = times(kAtA, evenA + oddA);
  u[2] = times(kAtA, evenA - oddA);
  u[3] = times(kAtB, evenB + oddB);
  u[4] = times(kAtB, evenB - oddB);
  u[5] = g[2];
}

// G^T du: six points of the gradient -> three taps, the adjoint of transformFilter.
inline void transformFilterGradient(const Vector (&du)[kInput], Vector (&dg)[kTaps]) {
  const Vector sumA = times(kAtA, du[1] + du[2]);
  const Vector differenceA = times(kAtA, du[1] - du[2]);
  const Vector sumB = times(kAtB, du[3] + du[4]);
  const Vector differenceB = times(kAtB, du[3] - du[4]);
  dg[0] = times(kAtZero, du[0]) + sumA + sumB;
  dg[1] = times(kA, differenceA) + times(kB, differenceB);
  dg[2] = times(kA2, sumA) + times(kB2, sumB) + du[5];
}

// Applies a one-dimensional transform to the columns and then to the rows of a tile: T x T^t.
template <int kFrom, int kTo, void (*kTransform)(const Vector (&)[kFrom], Vector (&)[kTo])>
inline void transformTile(const Vector (&from)[kFrom][kFrom], Vector (&to)[kTo][kTo]) {
  Vector half[kTo][kFrom];
#pragma GCC unroll 6
  for (int column = 0; column < kFrom; column++) {
    Vector in[kFrom];
    Vector out[kTo];
#pragma GCC unroll 6
    for (int row = 0; row < kFrom; row++) in[row] = from[row][column];
    kTransform(in, out);
#pragma GCC unroll 6
    for (int row = 0; row < kTo; row++) half[row][column] = out[row];
  }
#pragma GCC unroll 6
  for (int row = 0; row < kTo; row++) kTransform(half[row], to[row]);
}

}  // namespace one::winograd
