// How a convolution takes in its input, sixteen channels of a pixel at a time: as it lies in memory, or through a batch norm and
// rectifier whose result was never stored.
#pragma once
#include <type_traits>

#include "kernels/convolution/epilogue.hpp"
#include "kernels/vector/lanes.hpp"

namespace one {

template <class T>
struct StoredPixels {
  Lanes<16> operator()(const T* pixel) const { return Lanes<16>::load(pixel); }
};

template <class T, bool kResidual, Rectifier kRectifier>
struct NormedPixels {
  Lanes<16> factor;
  Lanes<16> offset;
  // Elements from a pixel to what is added to its norm.
  std::ptrdiff_t residual;

  Lanes<16> operator()(const T* pixel) const {
    auto sum = Lanes<16>::load(pixel) * factor + offset;
    if constexpr (kResidual) sum += Lanes<16>::load(pixel + residual);
    const auto value = rectified<kRectifier>(sum);
    // As it would come back from memory.
    if constexpr (std::is_same_v<T, Bf16>)
      return value.rounded();
    else
      return value;
  }
};

// Calls `body(loadOf)`, where `loadOf(channel)` gives what loads pixels of the block that begins with it; `norm` was folded
// before, null = none.
template <class T, class Body>
void withPixels(const Activation& x, const Worker& worker, const NormedInput* norm, const Body& body) {
  if (norm == nullptr) {
    body([](int) { return StoredPixels<T>{}; });
    return;
  }
  const float* factors = norm->norm.factor(worker);
  const float* offsets = norm->norm.offset(worker);
  const auto normed = [&](auto residual, auto rectifier) {
    constexpr bool kResidual = decltype(residual)::value;
    constexpr Rectifier kRectifier = decltype(rectifier)::value;
    const std::ptrdiff_t apart = kResidual ? worker.at<T>(*norm->residual) - worker.at<T>(x) : 0;
    body([=](int channel) {
      return NormedPixels<T, kResidual, kRectifier>{Lanes<16>::load(factors + channel),
                                                    Lanes<16>::load(offsets + channel), apart};
    });
  };
  withRectifier(norm->rectifier, [&](auto rectifier) {
    if (norm->residual)
      normed(std::true_type{}, rectifier);
    else
      normed(std::false_type{}, rectifier);
  });
}

}  // namespace one
