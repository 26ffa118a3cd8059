#include "resize_rows.hpp"

#include <cstddef>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace images {

namespace {

void blendPlain(const std::uint8_t* const* rows, const std::int16_t* weights, int taps, int shift, int bytes,
                std::uint8_t* target) {
  for (int byte = 0; byte < bytes; byte++) {
    int sum = 1 << (shift - 1);
    for (int tap = 0; tap < taps; tap++) sum += weights[tap] * rows[tap][byte];
    target[byte] = static_cast<std::uint8_t>(sum >> shift);
  }
}

void packPlain(const std::uint8_t* row, int pixels, std::uint8_t* target) {
  for (int pixel = 0; pixel < pixels; pixel++) {
    for (int channel = 0; channel < 3; channel++) target[pixel * 3 + channel] = row[pixel * 4 + channel];
  }
}

}  // namespace

void RowResizer::prepare(const Axis& axis, bool plain) {
  weights_.compute(axis, 4);
#if defined(__AVX2__)
  plain_ = plain;
#else
  plain_ = true;
  static_cast<void>(plain);
#endif
  if (plain_) return;
  // Outputs are made four at a time: what fills up the last four has weights of zero at a place that may be read.
  const std::size_t outputs = (weights_.first.size() + 3) / 4 * 4;
  const std::size_t groups = static_cast<std::size_t>(weights_.taps) / 4;
  spread_.assign(outputs * groups * 16, 0);
  const std::size_t quads = weights_.first.size() * groups;
  for (std::size_t quad = 0; quad < quads; quad++) {
    const std::int16_t* const from = weights_.weights.data() + quad * 4;
    std::int16_t* const to = spread_.data() + quad * 16;
    for (int repeat = 0; repeat < 4; repeat++) {
      to[repeat * 2] = from[0];
      to[repeat * 2 + 1] = from[1];
      to[8 + repeat * 2] = from[2];
      to[8 + repeat * 2 + 1] = from[3];
    }
  }
  weights_.first.resize(outputs, weights_.begin);
}

void RowResizer::runPlain(const std::uint8_t* row, int origin, std::uint8_t* target) const {
  const int outputs = static_cast<int>(weights_.count.size());
  const int taps = weights_.taps;
  for (int output = 0; output < outputs; output++) {
    const std::uint8_t* const pixels = row + (weights_.first[static_cast<std::size_t>(output)] - origin) * 4;
    const std::int16_t* const words = weights_.weights.data() + static_cast<std::ptrdiff_t>(output) * taps;
    for (int channel = 0; channel < 4; channel++) {
      int sum = 1 << (weights_.shift - 1);
      for (int tap = 0; tap < taps; tap++) sum += words[tap] * pixels[tap * 4 + channel];
      target[output * 4 + channel] = static_cast<std::uint8_t>(sum >> weights_.shift);
    }
  }
}

#if defined(__AVX2__)

namespace {

// Four taps of one output: 16 bytes of four pixels -> sums of taps 0 and 1 (lower half) and of taps 2 and 3, by channel.
inline __m256i fourTaps(const std::uint8_t* pixels, const std::int16_t* words) {
  const __m128i pairs = _mm_setr_epi8(0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15);
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(pixels));
  const __m256i wide = _mm256_cvtepu8_epi16(_mm_shuffle_epi8(bytes, pairs));
  return _mm256_madd_epi16(wide, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(words)));
}

template <int Groups>
inline __m256i allTaps(const std::uint8_t* pixels, const std::int16_t* words, int groups) {
  __m256i sum = fourTaps(pixels, words);
  const int count = Groups == 0 ? groups : Groups;
  for (int group = 1; group < count; group++) {
    sum = _mm256_add_epi32(sum, fourTaps(pixels + group * 16, words + group * 16));
  }
  return sum;
}

template <int Groups>
void resizeRow(const std::uint8_t* row, int origin, const int* first, const std::int16_t* spread, int groups, int shift,
               int outputs, std::uint8_t* target) {
  const __m256i half = _mm256_set1_epi32(1 << (shift - 1));
  const __m128i places = _mm_cvtsi32_si128(shift);
  const int stride = (Groups == 0 ? groups : Groups) * 16;
  for (int output = 0; output < outputs; output += 4) {
    __m256i sums[4];
    for (int one = 0; one < 4; one++) {
      sums[one] = allTaps<Groups>(row + (first[output + one] - origin) * 4, spread + one * stride, groups);
    }
    spread += 4 * stride;
    // Lower and upper halves of two outputs side by side, then added.
    const __m256i two = _mm256_add_epi32(_mm256_permute2x128_si256(sums[0], sums[1], 0x20),
                                         _mm256_permute2x128_si256(sums[0], sums[1], 0x31));
    const __m256i next = _mm256_add_epi32(_mm256_permute2x128_si256(sums[2], sums[3], 0x20),
                                          _mm256_permute2x128_si256(sums[2], sums[3], 0x31));
    const __m256i words = _mm256_packs_epi32(_mm256_sra_epi32(_mm256_add_epi32(two, half), places),
                                             _mm256_sra_epi32(_mm256_add_epi32(next, half), places));
    // packs works in each half: outputs lie as 0, 2, 1, 3.
    const __m256i ordered = _mm256_permute4x64_epi64(words, 0xd8);
    const __m128i bytes = _mm_packus_epi16(_mm256_castsi256_si128(ordered), _mm256_extracti128_si256(ordered, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(target + output * 4), bytes);
  }
}

}  // namespace

void RowResizer::run(const std::uint8_t* row, int origin, std::uint8_t* target) const {
  if (plain_) return runPlain(row, origin, target);
  const int outputs = static_cast<int>(weights_.first.size());
  const int groups = weights_.taps / 4;
  const auto resize = groups == 1 ? resizeRow<1> : groups == 2 ? resizeRow<2> : resizeRow<0>;
  resize(row, origin, weights_.first.data(), spread_.data(), groups, weights_.shift, outputs, target);
}

void blendRows(const std::uint8_t* const* rows, const std::int16_t* weights, int taps, int shift, int bytes, bool plain,
               std::uint8_t* target) {
  if (plain) return blendPlain(rows, weights, taps, shift, bytes, target);
  const __m256i zero = _mm256_setzero_si256();
  const __m256i half = _mm256_set1_epi32(1 << (shift - 1));
  const __m128i places = _mm_cvtsi32_si128(shift);
  for (int byte = 0; byte < bytes; byte += 32) {
    __m256i sums[4] = {half, half, half, half};
    for (int tap = 0; tap < taps; tap += 2) {
      const __m256i upper = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(rows[tap] + byte));
      const __m256i lower = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(rows[tap + 1] + byte));
      const std::uint32_t pair = static_cast<std::uint16_t>(weights[tap]) |
                                 static_cast<std::uint32_t>(static_cast<std::uint16_t>(weights[tap + 1])) << 16;
      const __m256i words = _mm256_set1_epi32(static_cast<int>(pair));
      const __m256i low = _mm256_unpacklo_epi8(upper, lower);
      const __m256i high = _mm256_unpackhi_epi8(upper, lower);
      sums[0] = _mm256_add_epi32(sums[0], _mm256_madd_epi16(_mm256_unpacklo_epi8(low, zero), words));
      sums[1] = _mm256_add_epi32(sums[1], _mm256_madd_epi16(_mm256_unpackhi_epi8(low, zero), words));
      sums[2] = _mm256_add_epi32(sums[2], _mm256_madd_epi16(_mm256_unpacklo_epi8(high, zero), words));
      sums[3] = _mm256_add_epi32(sums[3], _mm256_madd_epi16(_mm256_unpackhi_epi8(high, zero), words));
    }
    // The packs undo the unpacks' order: both work in each half.
    const __m256i low = _mm256_packs_epi32(_mm256_sra_epi32(sums[0], places), _mm256_sra_epi32(sums[1], places));
    const __m256i high = _mm256_packs_epi32(_mm256_sra_epi32(sums[2], places), _mm256_sra_epi32(sums[3], places));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(target + byte), _mm256_packus_epi16(low, high));
  }
}

void packPixels(const std::uint8_t* row, int pixels, bool plain, std::uint8_t* target) {
  if (plain) return packPlain(row, pixels, target);
  const __m128i kept = _mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1);
  int pixel = 0;
  for (; pixel + 4 <= pixels; pixel += 4) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(row + pixel * 4));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(target + pixel * 3), _mm_shuffle_epi8(bytes, kept));
  }
  packPlain(row + pixel * 4, pixels - pixel, target + pixel * 3);
}

#else

void RowResizer::run(const std::uint8_t* row, int origin, std::uint8_t* target) const {
  runPlain(row, origin, target);
}

void blendRows(const std::uint8_t* const* rows, const std::int16_t* weights, int taps, int shift, int bytes, bool,
               std::uint8_t* target) {
  blendPlain(rows, weights, taps, shift, bytes, target);
}

void packPixels(const std::uint8_t* row, int pixels, bool, std::uint8_t* target) { packPlain(row, pixels, target); }

#endif

}  // namespace images
