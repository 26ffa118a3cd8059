#include "group_merge.hpp"

#include <cstring>

#include "plan_builder.hpp"

namespace one {
namespace {

// Calls `body(first element in the own filter, first element in the merged one, elements)` for the row of each output channel.
template <class Body>
void forRows(const WeightShape& weights, const Body& body) {
  const std::size_t row = weights.elements() / static_cast<std::size_t>(weights.out);
  const auto merge = static_cast<std::size_t>(weights.merge);
  const auto outPerGroup = static_cast<std::size_t>(weights.out / weights.groups);
  for (std::size_t out = 0; out < static_cast<std::size_t>(weights.out); out++) {
    const std::size_t position = out / outPerGroup % merge;
    body(out * row, (out * merge + position) * row, row);
  }
}

}  // namespace

int groupsToMerge(int groups, int outPerGroup, int inPerGroup, int block) {
  if (groups == 1) return 1;
  for (int merge = 1; merge < groups; merge++) {
    const bool whole = outPerGroup * merge % block == 0 && inPerGroup * merge % block == 0;
    if (groups % merge == 0 && whole) return merge;
  }
  return groups;
}

void spreadGroups(const WeightShape& weights, const float* own, float* merged) {
  forRows(weights, [&](std::size_t from, std::size_t to, std::size_t count) {
    std::memcpy(merged + to, own + from, count * sizeof(float));
  });
}

void gatherGroups(const WeightShape& weights, const float* merged, float* own) {
  forRows(weights, [&](std::size_t to, std::size_t from, std::size_t count) {
    std::memcpy(own + to, merged + from, count * sizeof(float));
  });
}

}  // namespace one
