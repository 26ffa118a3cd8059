// Sixteen vectors of sixteen floats with rows and lanes exchanged.
#pragma once
#include <utility>

#include "kernels/vector/lanes.hpp"

namespace one {

// Lanes whose number has the bit kDistance change places with those of the row kDistance further on.
template <int kDistance, int L>
[[gnu::always_inline]] inline void exchangeLanes(Lanes<L>& row, Lanes<L>& further) {
  if constexpr (L > kRegisterLanes) {
    if constexpr (kDistance == L / 2) {
      std::swap(row.high, further.low);
    } else {
      exchangeLanes<kDistance>(row.low, further.low);
      exchangeLanes<kDistance>(row.high, further.high);
    }
  } else {
    typename Lanes<L>::Ints low;
    typename Lanes<L>::Ints high;
#pragma GCC unroll 16
    for (int lane = 0; lane < L; lane++) {
      const bool moved = (lane & kDistance) != 0;
      low[lane] = moved ? L + lane - kDistance : lane;
      high[lane] = moved ? L + lane : lane + kDistance;
    }
    const auto first = row.v;
    const auto second = further.v;
    row.v = __builtin_shuffle(first, second, low);
    further.v = __builtin_shuffle(first, second, high);
  }
}

template <int kDistance>
inline void exchangeRows(Lanes<16> (&rows)[16]) {
#pragma GCC unroll 16
  for (int row = 0; row < 16; row++) {
    if ((row & kDistance) == 0) exchangeLanes<kDistance>(rows[row], rows[row + kDistance]);
  }
}

inline void transpose(Lanes<16> (&rows)[16]) {
  exchangeRows<8>(rows);
  exchangeRows<4>(rows);
  exchangeRows<2>(rows);
  exchangeRows<1>(rows);
}

}  // namespace one
