// Convolutions whose groups are narrower than a block of channels. oneDNN has no fast kernels for them (its reference code takes
// seconds for one layer of ResNeXt-50), so neighbouring groups are computed as one whose filter is zero between them.
#pragma once
#include "plan/plan_builder.hpp"

namespace one {

// How many neighbouring groups make one whose inputs and outputs fill whole blocks of channels; 1 where they already do,
// all of them where no number does.
int groupsToMerge(int groups, int outPerGroup, int inPerGroup, int block);

// Filter [O, I / groups, k, k] -> the diagonal blocks of the merged filter [O, merge I / groups, k, k]; the rest is left alone.
void spreadGroups(const WeightShape& weights, const float* own, float* merged);

// Calls `body(first element in the own filter, first element in the merged one, elements)` for the rows of output channels
// first .. end.
template <class Body>
void forRowsOfGroups(const WeightShape& weights, int first, int end, const Body& body) {
  const std::size_t row = weights.rowElements();
  const auto merge = static_cast<std::size_t>(weights.merge);
  const auto outPerGroup = static_cast<std::size_t>(weights.out / weights.groups);
  for (auto out = static_cast<std::size_t>(first); out < static_cast<std::size_t>(end); out++) {
    const std::size_t position = out / outPerGroup % merge;
    body(out * row, (out * merge + position) * row, row);
  }
}

}  // namespace one
