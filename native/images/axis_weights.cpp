#include "axis_weights.hpp"

#include <algorithm>
#include <cmath>

namespace images {

void AxisWeights::compute(const Axis& axis, int multiple) {
  const double scale = (axis.end - axis.start) / axis.resized;
  const double support = std::max(scale, 1.0);
  const int most = static_cast<int>(std::ceil(support)) * 2 + 1;
  const std::size_t outputs = static_cast<std::size_t>(axis.windowLength);
  first.resize(outputs);
  count.resize(outputs);
  exact_.assign(outputs * static_cast<std::size_t>(most), 0.0);

  double largest = 0.0;
  taps = 1;
  begin = axis.high;
  end = axis.low;
  for (int place = 0; place < axis.windowLength; place++) {
    const int along = axis.mirrored ? axis.windowLength - 1 - place : place;
    const double centre = axis.start + (axis.windowStart + along + 0.5) * scale;
    const int from = std::max(axis.low, static_cast<int>(centre - support + 0.5));
    const int to = std::min(axis.high, static_cast<int>(centre + support + 0.5));
    double* const own = exact_.data() + static_cast<std::size_t>(place) * static_cast<std::size_t>(most);
    double sum = 0.0;
    for (int pixel = from; pixel < to; pixel++) {
      const double distance = std::fabs((pixel - centre + 0.5) / support);
      const double weight = distance < 1.0 ? 1.0 - distance : 0.0;
      own[pixel - from] = weight;
      sum += weight;
    }
    for (int tap = 0; tap < to - from; tap++) {
      own[tap] /= sum;
      largest = std::max(largest, own[tap]);
    }
    first[static_cast<std::size_t>(place)] = from;
    count[static_cast<std::size_t>(place)] = to - from;
    taps = std::max(taps, to - from);
    begin = std::min(begin, from);
    end = std::max(end, to);
  }
  // As many digits as a signed word of 16 bits holds; 16 is below the error that a resized byte's rounding makes anyway.
  shift = largest < 0.99 ? 15 : 14;
  const int one = 1 << shift;
  taps = (taps + multiple - 1) / multiple * multiple;
  weights.assign(outputs * static_cast<std::size_t>(taps), 0);
  for (std::size_t place = 0; place < outputs; place++) {
    const double* const own = exact_.data() + place * static_cast<std::size_t>(most);
    std::int16_t* const words = weights.data() + place * static_cast<std::size_t>(taps);
    int sum = 0;
    int heaviest = 0;
    for (int tap = 0; tap < count[place]; tap++) {
      const int word = static_cast<int>(std::floor(own[tap] * one + 0.5));
      words[tap] = static_cast<std::int16_t>(word);
      sum += word;
      if (own[tap] > own[heaviest]) heaviest = tap;
    }
    // What rounding took or added goes to the heaviest: an even area keeps its value.
    words[heaviest] = static_cast<std::int16_t>(words[heaviest] + one - sum);
  }
}

}  // namespace images
