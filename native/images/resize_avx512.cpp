#include "resize_kernels.hpp"

#if defined(IMAGES_AVX512)
#include <immintrin.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace images::avx512 {

namespace {

constexpr std::size_t GROUP = 4;
// Words of one vector.
constexpr std::size_t WORDS = 32;
constexpr int VECTOR_PIXELS = 16;

int baseOf(const AxisWeights& axis, std::size_t output) {
  const int* const first = axis.first.data() + output;
  return std::min(std::min(first[0], first[1]), std::min(first[2], first[3]));
}

}  // namespace

bool fits(const AxisWeights& axis) {
  for (std::size_t output = 0; output < axis.first.size(); output += GROUP) {
    const int* const first = axis.first.data() + output;
    const int most = std::max(std::max(first[0], first[1]), std::max(first[2], first[3]));
    if (most - baseOf(axis, output) + axis.taps > VECTOR_PIXELS) return false;
  }
  return true;
}

void spreadWeights(const AxisWeights& axis, std::vector<std::int32_t>& bases, std::vector<std::int16_t>& spread) {
  const std::size_t outputs = axis.first.size();
  const std::size_t pairs = static_cast<std::size_t>(axis.taps / TAPS);
  const std::size_t groupWords = WORDS * (1 + pairs);
  bases.resize(outputs / GROUP);
  spread.resize(outputs / GROUP * groupWords);
  // Places of the bytes of taps 0 and 1, channel by channel; a pixel is four bytes.
  const __m128i pair = _mm_setr_epi8(0, 0, 4, 0, 1, 0, 5, 0, 2, 0, 6, 0, 3, 0, 7, 0);
  for (std::size_t output = 0; output < outputs; output += GROUP) {
    const int base = baseOf(axis, output);
    bases[output / GROUP] = base;
    std::int16_t* const group = spread.data() + output / GROUP * groupWords;
    for (std::size_t one = 0; one < GROUP; one++) {
      const int beside = (axis.first[output + one] - base) * 4;
      _mm_storeu_si128(reinterpret_cast<__m128i*>(group + one * 8),
                       _mm_add_epi8(pair, _mm_set1_epi8(static_cast<char>(beside))));
      for (std::size_t two = 0; two < pairs; two++) {
        // What fills up the last group has weights of zero.
        std::int32_t words = 0;
        if (output + one < axis.count.size()) {
          std::memcpy(&words, axis.weights.data() + (output + one) * pairs * 2 + two * 2, sizeof words);
        }
        _mm_storeu_si128(reinterpret_cast<__m128i*>(group + WORDS * (1 + two) + one * 8), _mm_set1_epi32(words));
      }
    }
  }
}

namespace {

// With a mask of all ones: GCC 12 takes the form without one for a use of what was never set.
inline __m512i shifted(__m512i sums, __m128i places) { return _mm512_maskz_sra_epi32(0xffff, sums, places); }

// A group: 16 pixels -> of each pair of taps the bytes of four outputs and four channels as words -> 16 sums.
template <int Pairs>
void resizeOutputs(const AxisWeights& axis, const std::int32_t* bases, const std::int16_t* spread,
                   const std::uint8_t* row, int origin, std::uint8_t* target) {
  const __m512i half = _mm512_set1_epi32(1 << (axis.shift - 1));
  const __m128i places = _mm_cvtsi32_si128(axis.shift);
  const __m512i nextPair = _mm512_set1_epi8(8);
  const __m512i kept = _mm512_castsi128_si512(_mm_setr_epi8(0, 4, 8, 16, 20, 24, 32, 36, 40, 48, 52, 56, 0, 0, 0, 0));
  constexpr __mmask64 LOWER_BYTES = 0x5555555555555555;
  constexpr __mmask64 KEPT_BYTES = 0xfff;
  const int pairs = Pairs == 0 ? axis.taps / TAPS : Pairs;
  const std::size_t groups = axis.first.size() / GROUP;
  for (std::size_t group = 0; group < groups; group++) {
    const __m512i pixels = _mm512_loadu_si512(row + (bases[group] - origin) * 4);
    __m512i places512 = _mm512_loadu_si512(spread);
    spread += WORDS;
    __m512i sums = half;
    for (int pair = 0; pair < pairs; pair++) {
      const __m512i words = _mm512_maskz_permutexvar_epi8(LOWER_BYTES, places512, pixels);
      sums = _mm512_dpwssd_epi32(sums, words, _mm512_loadu_si512(spread));
      spread += WORDS;
      places512 = _mm512_add_epi8(places512, nextPair);
    }
    const __m512i bytes = _mm512_maskz_permutexvar_epi8(KEPT_BYTES, kept, shifted(sums, places));
    _mm512_mask_storeu_epi8(target + group * 12, KEPT_BYTES, bytes);
  }
}

}  // namespace

void resizeRow(const AxisWeights& axis, const std::vector<std::int32_t>& bases, const std::int16_t* spread,
               const std::uint8_t* row, int origin, std::uint8_t* target) {
  const int pairs = axis.taps / TAPS;
  const auto resize = pairs == 1   ? resizeOutputs<1>
                      : pairs == 2 ? resizeOutputs<2>
                      : pairs == 3 ? resizeOutputs<3>
                                   : resizeOutputs<0>;
  resize(axis, bases.data(), spread, row, origin, target);
}

void blendRows(const std::uint8_t* const* rows, const std::int16_t* weights, int taps, int shift, int bytes,
               std::uint8_t* target) {
  const __m512i zero = _mm512_setzero_si512();
  const __m512i half = _mm512_set1_epi32(1 << (shift - 1));
  const __m128i places = _mm_cvtsi32_si128(shift);
  for (int byte = 0; byte < bytes; byte += 64) {
    __m512i sums[4] = {half, half, half, half};
    for (int tap = 0; tap < taps; tap += 2) {
      const __m512i upper = _mm512_loadu_si512(rows[tap] + byte);
      const __m512i lower = _mm512_loadu_si512(rows[tap + 1] + byte);
      std::int32_t pair;
      std::memcpy(&pair, weights + tap, sizeof pair);
      const __m512i words = _mm512_set1_epi32(pair);
      const __m512i low = _mm512_unpacklo_epi8(upper, lower);
      const __m512i high = _mm512_unpackhi_epi8(upper, lower);
      sums[0] = _mm512_dpwssd_epi32(sums[0], _mm512_unpacklo_epi8(low, zero), words);
      sums[1] = _mm512_dpwssd_epi32(sums[1], _mm512_unpackhi_epi8(low, zero), words);
      sums[2] = _mm512_dpwssd_epi32(sums[2], _mm512_unpacklo_epi8(high, zero), words);
      sums[3] = _mm512_dpwssd_epi32(sums[3], _mm512_unpackhi_epi8(high, zero), words);
    }
    // The packs undo the unpacks' order: both work in each quarter.
    const __m512i low = _mm512_packs_epi32(shifted(sums[0], places), shifted(sums[1], places));
    const __m512i high = _mm512_packs_epi32(shifted(sums[2], places), shifted(sums[3], places));
    const int rest = std::min(64, bytes - byte);
    _mm512_mask_storeu_epi8(target + byte, ~__mmask64{0} >> (64 - rest), _mm512_packus_epi16(low, high));
  }
}

}  // namespace images::avx512
#endif
