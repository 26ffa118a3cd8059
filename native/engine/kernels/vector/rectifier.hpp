// The activations that batch norm applies to its results and whose gradient follows from a mask of zeros and ones.
#pragma once
#include <type_traits>

#include "kernels/vector/lanes.hpp"
#include "plan/named.hpp"

namespace one {

enum class Rectifier { none, relu, relu6 };

inline const NamedTable<Rectifier>& rectifierNames() {
  static const NamedTable<Rectifier> names{
      {"none", Rectifier::none}, {"relu", Rectifier::relu}, {"relu6", Rectifier::relu6}};
  return names;
}

constexpr float kReluSixBound = 6.0f;

// max(x, 0), or min(max(x, 0), 6), or x.
template <Rectifier kRectifier, int L>
Lanes<L> rectified(Lanes<L> x) {
  if constexpr (kRectifier == Rectifier::none) return x;
  if constexpr (kRectifier == Rectifier::relu) return x.rectified();
  if constexpr (kRectifier == Rectifier::relu6) return Lanes<L>::smaller(x.rectified(), Lanes<L>::fill(kReluSixBound));
}

// `arriving` where the rectifier's slope at x is 1, else 0; x may be the rectifier's result as well.
template <Rectifier kRectifier, int L>
Lanes<L> rectifiedGradient(Lanes<L> x, Lanes<L> arriving) {
  if constexpr (kRectifier == Rectifier::none) return arriving;
  if constexpr (kRectifier == Rectifier::relu) return Lanes<L>::where(x, arriving);
  if constexpr (kRectifier == Rectifier::relu6) {
    return Lanes<L>::where(Lanes<L>::fill(kReluSixBound) - x, Lanes<L>::where(x, arriving));
  }
}

// Calls `body` with the rectifier as a constant.
template <class Body>
void withRectifier(Rectifier rectifier, const Body& body) {
  switch (rectifier) {
    case Rectifier::none: return body(std::integral_constant<Rectifier, Rectifier::none>{});
    case Rectifier::relu: return body(std::integral_constant<Rectifier, Rectifier::relu>{});
    case Rectifier::relu6: return body(std::integral_constant<Rectifier, Rectifier::relu6>{});
  }
}

}  // namespace one
