// The vector kernels of resize_rows.cpp, which alone includes this. Outputs come in groups of four.
#pragma once
#include <cstdint>
#include <vector>

#include "axis_weights.hpp"

namespace images {

#if defined(__AVX2__)
#define IMAGES_AVX2 1

namespace avx2 {

// Taps are a multiple of this.
constexpr int TAPS = 4;

// [output][group of four taps][16]: weights 0 and 1 four times, weights 2 and 3 four times. weights.first has whole groups.
void spreadWeights(const AxisWeights& weights, std::vector<std::int16_t>& spread);
void resizeRow(const AxisWeights& weights, const std::int16_t* spread, const std::uint8_t* row, int origin,
               std::uint8_t* target);
void blendRows(const std::uint8_t* const* rows, const std::int16_t* weights, int taps, int shift, int bytes,
               std::uint8_t* target);

}  // namespace avx2
#endif

#if defined(__AVX512VBMI__) && defined(__AVX512VNNI__) && defined(__AVX512BW__)
#define IMAGES_AVX512 1

namespace avx512 {

constexpr int TAPS = 2;

// Whether the input of each group of outputs lies within one vector of 16 pixels: so it is up to a scale of about 2.7.
bool fits(const AxisWeights& weights);
// bases: first input pixel of each group. spread: of each group 32 words of byte places, then 32 weights for each pair of
// taps. weights.first has whole groups.
void spreadWeights(const AxisWeights& weights, std::vector<std::int32_t>& bases, std::vector<std::int16_t>& spread);
void resizeRow(const AxisWeights& weights, const std::vector<std::int32_t>& bases, const std::int16_t* spread,
               const std::uint8_t* row, int origin, std::uint8_t* target);
void blendRows(const std::uint8_t* const* rows, const std::int16_t* weights, int taps, int shift, int bytes,
               std::uint8_t* target);

}  // namespace avx512
#endif

}  // namespace images
