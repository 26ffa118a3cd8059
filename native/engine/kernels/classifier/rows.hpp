// Rows of logits [B, K], f32 one after the other.
#pragma once
#include <algorithm>
#include <cmath>
#include <vector>

#include "plan/plan_builder.hpp"

namespace one {

using Row = const float*;

inline float largest(Row x, int count) { return *std::max_element(x, x + count); }

// log(sum_j exp(x_j / temperature)), shifted by the largest element so that nothing overflows.
inline float logSumExp(Row x, int count, float temperature) {
  const float top = largest(x, count);
  float sum = 0;
  for (int c = 0; c < count; c++) sum += std::exp((x[c] - top) / temperature);
  return top / temperature + std::log(sum);
}

inline std::vector<Activation> readList(WordReader& words, const PlanBuilder& builder, int count) {
  std::vector<Activation> list;
  for (int place = 0; place < count; place++) list.push_back(builder.tensor(words));
  return list;
}

}  // namespace one
