// The two passes of a resize over rows of four bytes a pixel (red, green, blue, anything), in whole numbers: the fast
// ones and the plain ones give the same bytes.
#pragma once
#include <cstdint>
#include <vector>

#include "axis_weights.hpp"

namespace images {

// Bytes of a row for `pixels` of input; the passes read up to seven pixels behind the last (with weight zero).
constexpr int rowBytes(int pixels) { return (pixels + 8) * 4; }

// The horizontal pass of one crop.
class RowResizer {
 public:
  // `plain`: the slow twin of the vector code.
  void prepare(const Axis& axis, bool plain);
  const AxisWeights& weights() const { return weights_; }
  // `row`: pixel 0 is the decoded image's pixel `origin`. Writes windowLength pixels, and up to three more.
  void run(const std::uint8_t* row, int origin, std::uint8_t* target) const;

 private:
  void runPlain(const std::uint8_t* row, int origin, std::uint8_t* target) const;

  AxisWeights weights_;
  bool plain_ = true;
  // [output][group of four taps][16]: weights 0 and 1 four times, weights 2 and 3 four times.
  std::vector<std::int16_t> spread_;
};

// target[byte] = sum over rows of weight x rows[tap][byte], `bytes` a multiple of 32. `taps` is even.
void blendRows(const std::uint8_t* const* rows, const std::int16_t* weights, int taps, int shift, int bytes, bool plain,
               std::uint8_t* target);

// Drops each fourth byte. May write up to four bytes behind the last.
void packPixels(const std::uint8_t* row, int pixels, bool plain, std::uint8_t* target);

}  // namespace images
