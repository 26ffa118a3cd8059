#include "kernels/convolution/packed_filters.hpp"

#include <algorithm>
#include <cstring>

namespace one {

PackedFilters::PackedFilters(const WeightShape& weights, bool transposed, const PlanBuilder& builder)
    : state_(builder.state(weights.stateOffset)),
      transposed_(transposed),
      rounded_(weights.type == Type::bf16),
      taps_(weights.kernelHeight * weights.kernelWidth),
      perGroup_(weights.perGroup),
      outPerGroup_(weights.out / weights.groups),
      groups_(weights.groups / weights.merge),
      groupOut_(outPerGroup_ * weights.merge),
      groupIn_(perGroup_ * weights.merge),
      outBlocks_((groupOut_ + kBlock - 1) / kBlock),
      inBlocks_((groupIn_ + kBlock - 1) / kBlock) {}

void PackedFilters::pack(float* filters) const {
  float* lines = filters + elements();
  for (int group = 0; group < groups_; group++) {
    for (int outBlock = 0; outBlock < outBlocks_; outBlock++) {
      const int rows = std::min(kBlock, groupOut_ - outBlock * kBlock);
      for (int inBlock = 0; inBlock < inBlocks_; inBlock++) {
        for (int row = 0; row < kBlock; row++) {
          float* line = lines + row * lineElements();
          if (row < rows)
            copyRow(group * groupOut_ + outBlock * kBlock + row, inBlock * kBlock, line);
          else
            std::fill(line, line + lineElements(), 0.0f);
        }
        const int place = transposed_ ? (group * inBlocks_ + inBlock) * outBlocks_ + outBlock
                                      : (group * outBlocks_ + outBlock) * inBlocks_ + inBlock;
        float* squares = filters + place * squareElements();
        if (transposed_)
          storeTransposed(lines, squares);
        else
          storeForward(lines, squares);
      }
    }
  }
}

// The elements of 16 input channels of a group, from `firstIn` on; 0 where they belong to another of the merged groups.
void PackedFilters::copyRow(int out, int firstIn, float* line) const {
  const int ownFirst = out % groupOut_ / outPerGroup_ * perGroup_;
  const int first = std::max(firstIn, ownFirst);
  const int end = std::max(first, std::min(firstIn + kBlock, ownFirst + perGroup_));
  if (end - first < kBlock) std::fill(line, line + lineElements(), 0.0f);
  const float* source = state_ + (static_cast<std::ptrdiff_t>(out) * perGroup_ + first - ownFirst) * taps_;
  const auto count = static_cast<std::size_t>((end - first) * taps_);
  std::memcpy(line + (first - firstIn) * taps_, source, count * sizeof(float));
}

// Lines [output channel][input channel][tap] -> [tap][input channel][output channel].
void PackedFilters::storeForward(const float* lines, float* squares) const {
  Vector square[kBlock];
  for (int column = 0; column < kBlock * taps_; column += kBlock) {
    for (int row = 0; row < kBlock; row++) square[row] = Vector::load(lines + row * lineElements() + column);
    transpose(square);
    for (int place = 0; place < kBlock; place++) {
      const int element = column + place;
      finished(square[place]).store(squares + (element % taps_ * kBlock + element / taps_) * kBlock);
    }
  }
}

// Lines [output channel][input channel][tap] -> [tap][output channel][input channel].
void PackedFilters::storeTransposed(const float* lines, float* squares) const {
  Vector square[kBlock];
  for (int row = 0; row < kBlock; row++) {
    const float* line = lines + row * lineElements();
    if (taps_ == 1) {
      finished(Vector::load(line)).store(squares + row * kBlock);
      continue;
    }
    for (int firstTap = 0; firstTap < taps_; firstTap += kBlock) {
      const int count = std::min(kBlock, taps_ - firstTap);
      for (int in = 0; in < kBlock; in++) square[in] = Vector::load(line + in * taps_ + firstTap);
      transpose(square);
      for (int tap = 0; tap < count; tap++) {
        finished(square[tap]).store(squares + ((firstTap + tap) * kBlock + row) * kBlock);
      }
    }
  }
}

}  // namespace one
