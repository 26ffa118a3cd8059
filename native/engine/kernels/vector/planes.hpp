// Walks over the planes of a tensor: one channel block of one sample.
#pragma once
#include <type_traits>

#include "kernels/vector/lanes.hpp"
#include "plan/instruction.hpp"

namespace one {

// Calls `body(element)` with an element of the type: float or Bf16.
template <class Body>
void withElement(Type type, const Body& body) {
  if (type == Type::f32) return body(float{});
  return body(Bf16{});
}

// Calls `body(lanes)` with the tensor's lanes as a constant.
template <class Body>
void withLanes(const Activation& tensor, const Body& body) {
  if (tensor.lanes == 16) return body(std::integral_constant<int, 16>{});
  if (tensor.lanes == 8) return body(std::integral_constant<int, 8>{});
  return body(std::integral_constant<int, 1>{});
}

// Calls `body(element, lanes)` for the tensor's element type and lanes.
template <class Body>
void dispatch(const Activation& tensor, const Body& body) {
  withElement(tensor.type, [&](auto element) { withLanes(tensor, [&](auto lanes) { body(element, lanes); }); });
}

// Every (sample, channel block) of the worker's slice: `body(place of the plane's first element, first channel, sample)`.
template <class Body>
void forEachPlane(const Activation& tensor, const Worker& worker, const Body& body) {
  for (int sample = 0; sample < worker.samples; sample++) {
    for (int block = 0; block < tensor.blocks; block++) {
      body(sample * tensor.sampleStride + block * tensor.blockStride, block * tensor.lanes, sample);
    }
  }
}

// As above from the last plane to the first. Convolutions go from the first sample to the last: what they touched last is
// still in the cache when the next pass begins there, and what that touches last when the next convolution begins.
template <class Body>
void forEachPlaneBackwards(const Activation& tensor, const Worker& worker, const Body& body) {
  for (int sample = worker.samples - 1; sample >= 0; sample--) {
    for (int block = tensor.blocks - 1; block >= 0; block--) {
      body(sample * tensor.sampleStride + block * tensor.blockStride, block * tensor.lanes, sample);
    }
  }
}

// Asks for what a pass towards smaller addresses needs soon: on its own the processor does not fetch beyond a page of 4 KiB.
template <bool kToWrite = false, class T>
void prefetchBefore(const T* place) {
  constexpr std::ptrdiff_t kAheadBytes = 1024;
  __builtin_prefetch(reinterpret_cast<const char*>(place) - kAheadBytes, kToWrite ? 1 : 0);
}
}  // namespace one
