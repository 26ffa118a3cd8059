// Filters [O, I / groups, k, k] of the state as the products of pixel rows read them, made anew in each thread's scratch memory:
// a copy that stays would take as much memory as the weights.
#pragma once
#include "kernels/vector/transpose.hpp"
#include "plan/plan_builder.hpp"

namespace one {

// f32 squares [channel that is read][channel of results] of 16 x 16 channels: blocks of results, then blocks that are read, then
// taps. Filters of bf16 are rounded to it; zeros fill up blocks and stand between merged groups.
class PackedFilters {
 public:
  // `transposed`: results are the filters' input channels.
  PackedFilters(const WeightShape& weights, bool transposed, const PlanBuilder& builder);

  std::ptrdiff_t elements() const { return squareElements() * groups_ * outBlocks_ * inBlocks_; }
  // Floats that `pack` uses behind the filters.
  std::ptrdiff_t scratchElements() const { return kBlock * lineElements(); }
  void pack(float* filters) const;

 private:
  static constexpr int kBlock = 16;
  using Vector = Lanes<kBlock>;

  std::ptrdiff_t squareElements() const { return static_cast<std::ptrdiff_t>(taps_) * kBlock * kBlock; }
  // A row of 16 x taps elements, with room for a vector behind it.
  std::ptrdiff_t lineElements() const { return static_cast<std::ptrdiff_t>(taps_ + 1) * kBlock; }
  void copyRow(int out, int firstIn, float* line) const;
  void storeForward(const float* lines, float* squares) const;
  void storeTransposed(const float* lines, float* squares) const;
  Vector finished(Vector filter) const { return rounded_ ? filter.rounded() : filter; }

  const float* state_;
  const bool transposed_;
  const bool rounded_;
  const int taps_;
  const int perGroup_;
  const int outPerGroup_;
  // Those that are computed together.
  const int groups_;
  const int groupOut_;
  const int groupIn_;
  const int outBlocks_;
  const int inBlocks_;
};

}  // namespace one
