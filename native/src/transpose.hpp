// Sixteen vectors of sixteen floats with rows and lanes exchanged.
#pragma once
#include "lanes.hpp"

namespace one {

// One of four stages: lanes whose number has the bit kDistance change places with those of the row kDistance further on.
template <int kDistance>
inline void exchangeLanes(Lanes<16> (&rows)[16]) {
  using Ints = Lanes<16>::Ints;
  Ints low;
  Ints high;
#pragma GCC unroll 16
  for (int lane = 0; lane < 16; lane++) {
    const bool moved = (lane & kDistance) != 0;
    low[lane] = moved ? 16 + lane - kDistance : lane;
    high[lane] = moved ? 16 + lane : lane + kDistance;
  }
#pragma GCC unroll 16
  for (int row = 0; row < 16; row++) {
    if ((row & kDistance) != 0) continue;
    const auto first = rows[row].v;
    const auto second = rows[row + kDistance].v;
    rows[row].v = __builtin_shuffle(first, second, low);
    rows[row + kDistance].v = __builtin_shuffle(first, second, high);
  }
}

inline void transpose(Lanes<16> (&rows)[16]) {
  exchangeLanes<8>(rows);
  exchangeLanes<4>(rows);
  exchangeLanes<2>(rows);
  exchangeLanes<1>(rows);
}

}  // namespace one
