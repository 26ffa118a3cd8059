// Convolutions whose groups are narrower than a block of channels. oneDNN has no fast kernels for them (its reference code takes
// seconds for one layer of ResNeXt-50), so neighbouring groups are computed as one whose filter is zero between them.
#pragma once

namespace one {

struct WeightShape;

// How many neighbouring groups make one whose inputs and outputs fill whole blocks of channels; 1 where they already do,
// all of them where no number does.
int groupsToMerge(int groups, int outPerGroup, int inPerGroup, int block);

// Filter [O, I / groups, k, k] -> the diagonal blocks of the merged filter [O, merge I / groups, k, k]; the rest is left alone.
void spreadGroups(const WeightShape& weights, const float* own, float* merged);

// Its opposite: the diagonal blocks of a merged filter's gradient.
void gatherGroups(const WeightShape& weights, const float* merged, float* own);

}  // namespace one
