#include "resize_rows.hpp"

#include <cstddef>

#include "resize_kernels.hpp"

namespace images {

std::vector<Vectors> vectorsHere() {
  return {
#if defined(IMAGES_AVX512)
      Vectors::avx512,
#endif
#if defined(IMAGES_AVX2)
      Vectors::avx2,
#endif
      Vectors::none};
}

std::string nameOf(Vectors vectors) {
  switch (vectors) {
    case Vectors::avx512: return "avx512";
    case Vectors::avx2: return "avx2";
    default: return "none";
  }
}

namespace {

void resizeRowPlain(const AxisWeights& axis, const std::uint8_t* row, int origin, std::uint8_t* target) {
  const int outputs = static_cast<int>(axis.count.size());
  for (int output = 0; output < outputs; output++) {
    const std::uint8_t* const pixels = row + (axis.first[static_cast<std::size_t>(output)] - origin) * 4;
    const std::int16_t* const words = axis.weights.data() + static_cast<std::ptrdiff_t>(output) * axis.taps;
    for (int channel = 0; channel < 3; channel++) {
      int sum = 1 << (axis.shift - 1);
      for (int tap = 0; tap < axis.taps; tap++) sum += words[tap] * pixels[tap * 4 + channel];
      target[output * 3 + channel] = static_cast<std::uint8_t>(sum >> axis.shift);
    }
  }
}

void blendRowsPlain(const std::uint8_t* const* rows, const std::int16_t* weights, int taps, int shift, int bytes,
                    std::uint8_t* target) {
  for (int byte = 0; byte < bytes; byte++) {
    int sum = 1 << (shift - 1);
    for (int tap = 0; tap < taps; tap++) sum += weights[tap] * rows[tap][byte];
    target[byte] = static_cast<std::uint8_t>(sum >> shift);
  }
}

}  // namespace

void RowResizer::prepare(const Axis& axis, Vectors vectors) {
  vectors_ = vectors;
#if defined(IMAGES_AVX512)
  if (vectors_ == Vectors::avx512) {
    weights_.compute(axis, avx512::TAPS);
    weights_.first.resize((weights_.first.size() + 3) / 4 * 4, weights_.first.back());
    if (avx512::fits(weights_)) return avx512::spreadWeights(weights_, bases_, spread_);
    vectors_ = Vectors::avx2;
  }
#endif
#if defined(IMAGES_AVX2)
  if (vectors_ == Vectors::avx2) {
    weights_.compute(axis, avx2::TAPS);
    weights_.first.resize((weights_.first.size() + 3) / 4 * 4, weights_.first.back());
    return avx2::spreadWeights(weights_, spread_);
  }
#endif
  weights_.compute(axis, 1);
}

void RowResizer::run(const std::uint8_t* row, int origin, std::uint8_t* target) const {
#if defined(IMAGES_AVX512)
  if (vectors_ == Vectors::avx512) return avx512::resizeRow(weights_, bases_, spread_.data(), row, origin, target);
#endif
#if defined(IMAGES_AVX2)
  if (vectors_ == Vectors::avx2) return avx2::resizeRow(weights_, spread_.data(), row, origin, target);
#endif
  resizeRowPlain(weights_, row, origin, target);
}

void blendRows(const std::uint8_t* const* rows, const std::int16_t* weights, int taps, int shift, int bytes,
               Vectors vectors, std::uint8_t* target) {
#if defined(IMAGES_AVX512)
  if (vectors == Vectors::avx512) return avx512::blendRows(rows, weights, taps, shift, bytes, target);
#endif
#if defined(IMAGES_AVX2)
  if (vectors == Vectors::avx2) return avx2::blendRows(rows, weights, taps, shift, bytes, target);
#endif
  static_cast<void>(vectors);
  blendRowsPlain(rows, weights, taps, shift, bytes, target);
}

}  // namespace images
