// The two passes of a resize over rows of bytes, in whole numbers: the vector kernels and the plain loops give the same
// bytes. Input pixels are four bytes (red, green, blue, anything), output pixels three.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "axis_weights.hpp"

namespace images {

enum class Vectors { none, avx2, avx512 };

// What this build has, the fastest first; `none`, the slow twin of all others, is always the last.
std::vector<Vectors> vectorsHere();
std::string nameOf(Vectors vectors);

// Bytes of a row for `pixels` of input: the horizontal pass reads up to fifteen pixels behind the last (with weight zero).
constexpr int inputRowBytes(int pixels) { return (pixels + 15) * 4; }

// Bytes of a row for `pixels` of output: the horizontal pass writes up to three pixels and four bytes behind the last, the
// vertical pass reads whole vectors.
constexpr int resizedRowBytes(int pixels) { return ((pixels + 3) * 3 + 4 + 63) / 64 * 64; }

// The horizontal pass of one crop.
class RowResizer {
 public:
  void prepare(const Axis& axis, Vectors vectors);
  const AxisWeights& weights() const { return weights_; }
  // `row`: pixel 0 is the decoded image's pixel `origin`. Writes windowLength pixels into a row of resizedRowBytes.
  void run(const std::uint8_t* row, int origin, std::uint8_t* target) const;

 private:
  AxisWeights weights_;
  Vectors vectors_ = Vectors::none;
  // What the vector kernel reads, in its own order.
  std::vector<std::int16_t> spread_;
  std::vector<std::int32_t> bases_;
};

// target[byte] = sum over rows of weight x rows[tap][byte], for bytes 0 .. bytes - 1; reads up to 63 bytes of a row behind
// them. `taps` is even.
void blendRows(const std::uint8_t* const* rows, const std::int16_t* weights, int taps, int shift, int bytes,
               Vectors vectors, std::uint8_t* target);

}  // namespace images
