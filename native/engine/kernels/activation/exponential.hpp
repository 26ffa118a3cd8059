// e^x of vectors in registers.
#pragma once
#include "kernels/vector/lanes.hpp"

namespace one {

using RegisterLanes = Lanes<kRegisterLanes>;

// Within 2 units in the last place for |x| < 87, held at e^-87 and e^88 beyond. x = n ln 2 + r with whole n, then a polynomial
// of r (Moshier, Cephes 2.2, expf).
inline RegisterLanes exponential(RegisterLanes x) {
  using Lanes = RegisterLanes;
  const auto all = [](float value) { return Lanes::fill(value).v; };
  Lanes::Floats v = x.v > all(88.0f) ? all(88.0f) : x.v;
  v = v < all(-87.0f) ? all(-87.0f) : v;
  // Adding 1.5 2^23 leaves no bits for a fraction.
  const Lanes::Floats whole = all(12582912.0f);
  const Lanes::Floats n = (v * all(1.44269504f) + whole) - whole;
  // ln 2 in two parts, the first of which n multiplies without rounding.
  const Lanes::Floats r = (v - n * all(0.693359375f)) + n * all(2.12194440e-4f);
  Lanes::Floats p = all(1.9875691500e-4f);
  for (const float coefficient :
       {1.3981999507e-3f, 8.3334519073e-3f, 4.1665795894e-2f, 1.6666665459e-1f, 5.0000001201e-1f}) {
    p = p * r + all(coefficient);
  }
  const Lanes::Floats fraction = p * r * r + r + all(1.0f);
  const Lanes::Ints exponent = (__builtin_convertvector(n, Lanes::Ints) + 127) << 23;
  Lanes::Floats power;
  std::memcpy(&power, &exponent, sizeof power);
  return {fraction * power};
}

}  // namespace one
