// Walks over the planes of a tensor: one channel block of one sample.
#pragma once
#include <type_traits>

#include "instruction.hpp"
#include "lanes.hpp"

namespace one {

// Calls `body.template operator()<T, L>()` for the tensor's element type and lanes.
template <class Body>
void dispatch(const Activation& tensor, const Body& body) {
  const auto byLanes = [&](auto element) {
    using T = decltype(element);
    if (tensor.lanes == 16) return body(T{}, std::integral_constant<int, 16>{});
    if (tensor.lanes == 8) return body(T{}, std::integral_constant<int, 8>{});
    return body(T{}, std::integral_constant<int, 1>{});
  };
  if (tensor.type == Type::f32) return byLanes(float{});
  return byLanes(Bf16{});
}

// Every (sample, channel block) of the worker's slice: `body(place of the plane's first element, first channel)`.
template <class Body>
void forEachPlane(const Activation& tensor, const Worker& worker, const Body& body) {
  for (int sample = 0; sample < worker.samples; sample++) {
    for (int block = 0; block < tensor.blocks; block++) {
      body(sample * tensor.sampleStride + block * tensor.blockStride, block * tensor.lanes);
    }
  }
}
}  // namespace one
