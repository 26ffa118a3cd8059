// The end of a training step: sums of gradients and statistics over replicas, and the optimiser, one pass over
// the flat parameters of which every thread of every replica takes its shard.
#pragma once
#include <vector>

#include "kernels/optimizer/gradient_clip.hpp"
#include "kernels/optimizer/optimizer_update.hpp"
#include "plan/instruction.hpp"
#include "plan/word_reader.hpp"
#include "runtime/exchange.hpp"

namespace one {

// PyTorch's SGD with nesterov=True over neighbouring weights.
struct SgdRange {
  std::size_t weight = 0;    // elements into the state
  std::size_t momentum = 0;  // elements into the state
  std::size_t gradient = 0;  // elements into the gradient
  std::size_t elements = 0;
  std::size_t rate = 0;  // scalar index of the learning rate
  float decay = 0;
  float weightDecay = 0;
};

struct RunningAverageRange {
  std::size_t state = 0;
  std::size_t statistic = 0;
  std::size_t elements = 0;
  float weight = 0;
  float correction = 0;
};

class Update {
 public:
  void read(WordReader& words);
  bool empty() const { return sgd_.empty() && optimizer_.empty() && running_.empty(); }
  // Whether gradients are clipped: all threads must take sums, and meet, before `share`.
  bool clips() const { return !clip_.empty(); }
  void takeGradientSums(const Exchange& exchange, int thread, int threads) {
    clip_.takeSums(exchange, thread, threads);
  }
  // What a sum of gradients is multiplied by.
  float share(const Exchange& exchange) const {
    return clips() ? exchange.replicaShare() * clip_.factor() : exchange.replicaShare();
  }
  // Whether all threads must take norms, and meet, before `run`.
  bool needsNorms() const { return optimizer_.needsNorms(); }
  void takeNorms(const Exchange& exchange, float share, int thread, int threads, const float* scalars,
                 const float* state) {
    optimizer_.takeNorms(exchange, share, thread, threads, scalars, state);
  }
  // `member` counts the threads of all replicas.
  void run(const Exchange& exchange, float share, int member, const float* scalars, float* state) const;

 private:
  void runSgd(const SgdRange& range, const Exchange& exchange, float replicaShare, int member, const float* scalars,
              float* state) const;
  std::vector<SgdRange> sgd_;
  GradientClip clip_;
  OptimizerUpdate optimizer_;
  std::vector<RunningAverageRange> running_;
};

// This thread's shard of the sums over the replicas of this host, which go to `exchange.sums()`.
void sumOverReplicas(const Exchange& exchange, int member);
// Means over all replicas of all hosts.
void meanGradients(const Exchange& exchange, std::size_t offset, std::size_t count, float* target);
void averageStatistics(const Exchange& exchange, std::size_t offset, std::size_t count, float* target);

}  // namespace one
