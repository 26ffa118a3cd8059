// Batch norm with residual add and rectifier, forward, backward and with running averages.
#pragma once
#include <vector>

#include "kernels/vector/rectifier.hpp"
#include "plan/instruction_table.hpp"

namespace one {

// Fills the worker's part of the region from its samples of x: means, then squared distances.
void storeStatistics(const Activation& x, const Worker& worker, const StatisticsRegion& region);

InstructionTable batchNormInstructions();
InstructionPtr batchNormBackward(WordReader& words, PlanBuilder& builder);

// Scale, shift and running statistics of a batch norm that another instruction applies.
class FoldedBatchNorm {
 public:
  FoldedBatchNorm(WordReader& words, const PlanBuilder& builder, int channels, int paddedChannels);
  // y = x factor + offset for each channel; both lie in the thread's own scratch.
  void fold(const Worker& worker);
  const float* factor(const Worker& worker) const { return factors_[static_cast<std::size_t>(worker.thread)].data(); }
  const float* offset(const Worker& worker) const { return offsets_[static_cast<std::size_t>(worker.thread)].data(); }
  FoldedBatchNorm channelRange(int first, int count) const;

 private:
  VectorRef scale_;
  VectorRef shift_;
  VectorRef mean_;
  VectorRef variance_;
  float epsilon_;
  int channels_;
  std::vector<std::vector<float>> factors_;
  std::vector<std::vector<float>> offsets_;
};

// x = rectify(x factor + offset + residual) over the worker's samples.
void applyFolded(const Activation& x, const Worker& worker, FoldedBatchNorm& norm, const Activation* residual,
                 Rectifier rectifier);

}  // namespace one
