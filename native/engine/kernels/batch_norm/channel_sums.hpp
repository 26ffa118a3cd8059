// Sums over batch and space for each channel. Elements go into f32 lanes plane by plane (one channel block of one sample),
// planes into doubles in the order of the samples, threads in the order of their numbers: the order never changes.
#pragma once
#include "kernels/elementwise/activation.hpp"
#include "kernels/vector/lanes.hpp"

namespace one {

// Two sums of one reading of a plane: `term(pixel, first, second)` adds to both. Four interleaved chains keep the adder busy.
template <int L, class Term>
void addPlanePair(int pixels, double* firstSums, double* secondSums, const Term& term) {
  constexpr int kChains = 4;
  Lanes<L> first[kChains];
  Lanes<L> second[kChains];
  for (int chain = 0; chain < kChains; chain++) first[chain] = second[chain] = Lanes<L>::fill(0);
  int pixel = 0;
  for (; pixel + kChains <= pixels; pixel += kChains) {
    for (int chain = 0; chain < kChains; chain++) term(pixel + chain, first[chain], second[chain]);
  }
  for (; pixel < pixels; pixel++) term(pixel, first[0], second[0]);
  float lanes[L];
  ((first[0] + first[1]) + (first[2] + first[3])).store(lanes);
  for (int lane = 0; lane < L; lane++) firstSums[lane] += static_cast<double>(lanes[lane]);
  ((second[0] + second[1]) + (second[2] + second[3])).store(lanes);
  for (int lane = 0; lane < L; lane++) secondSums[lane] += static_cast<double>(lanes[lane]);
}

}  // namespace one
