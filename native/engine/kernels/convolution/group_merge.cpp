#include "kernels/convolution/group_merge.hpp"

#include <cstring>

namespace one {

int groupsToMerge(int groups, int outPerGroup, int inPerGroup, int block) {
  if (groups == 1) return 1;
  for (int merge = 1; merge < groups; merge++) {
    const bool whole = outPerGroup * merge % block == 0 && inPerGroup * merge % block == 0;
    if (groups % merge == 0 && whole) return merge;
  }
  return groups;
}

void spreadGroups(const WeightShape& weights, const float* own, float* merged) {
  forRowsOfGroups(weights, 0, weights.out, [&](std::size_t from, std::size_t to, std::size_t count) {
    std::memcpy(merged + to, own + from, count * sizeof(float));
  });
}

}  // namespace one
