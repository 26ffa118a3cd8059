#include "resize_kernels.hpp"

#if defined(IMAGES_AVX2)
#include <immintrin.h>

#include <cstddef>
#include <cstring>

namespace images::avx2 {

void spreadWeights(const AxisWeights& axis, std::vector<std::int16_t>& spread) {
  // What fills up the last group has weights of zero.
  const std::size_t groups = static_cast<std::size_t>(axis.taps / TAPS);
  spread.assign(axis.first.size() * groups * 16, 0);
  const std::size_t quads = axis.count.size() * groups;
  for (std::size_t quad = 0; quad < quads; quad++) {
    const std::int16_t* const from = axis.weights.data() + quad * 4;
    std::int16_t* const to = spread.data() + quad * 16;
    for (int repeat = 0; repeat < 4; repeat++) {
      to[repeat * 2] = from[0];
      to[repeat * 2 + 1] = from[1];
      to[8 + repeat * 2] = from[2];
      to[8 + repeat * 2 + 1] = from[3];
    }
  }
}

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
void resizeOutputs(const AxisWeights& axis, const std::int16_t* spread, const std::uint8_t* row, int origin,
                   std::uint8_t* target) {
  const __m256i half = _mm256_set1_epi32(1 << (axis.shift - 1));
  const __m128i places = _mm_cvtsi32_si128(axis.shift);
  const __m128i kept = _mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1);
  const int groups = axis.taps / TAPS;
  const int stride = (Groups == 0 ? groups : Groups) * 16;
  const int outputs = static_cast<int>(axis.first.size());
  const int* const first = axis.first.data();
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
    _mm_storeu_si128(reinterpret_cast<__m128i*>(target + output * 3), _mm_shuffle_epi8(bytes, kept));
  }
}

}  // namespace

void resizeRow(const AxisWeights& axis, const std::int16_t* spread, const std::uint8_t* row, int origin,
               std::uint8_t* target) {
  const int groups = axis.taps / TAPS;
  const auto resize = groups == 1 ? resizeOutputs<1> : groups == 2 ? resizeOutputs<2> : resizeOutputs<0>;
  resize(axis, spread, row, origin, target);
}

void blendRows(const std::uint8_t* const* rows, const std::int16_t* weights, int taps, int shift, int bytes,
               std::uint8_t* target) {
  const __m256i zero = _mm256_setzero_si256();
  const __m256i half = _mm256_set1_epi32(1 << (shift - 1));
  const __m128i places = _mm_cvtsi32_si128(shift);
  for (int byte = 0; byte < bytes; byte += 32) {
    __m256i sums[4] = {half, half, half, half};
    for (int tap = 0; tap < taps; tap += 2) {
      const __m256i upper = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(rows[tap] + byte));
      const __m256i lower = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(rows[tap + 1] + byte));
      std::int32_t pair;
      std::memcpy(&pair, weights + tap, sizeof pair);
      const __m256i words = _mm256_set1_epi32(pair);
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
    const __m256i blended = _mm256_packus_epi16(low, high);
    if (bytes - byte >= 32) {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(target + byte), blended);
    } else {
      std::uint8_t rest[32];
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(rest), blended);
      std::memcpy(target + byte, rest, static_cast<std::size_t>(bytes - byte));
    }
  }
}

}  // namespace images::avx2
#endif
