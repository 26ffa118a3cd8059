// Gradients scaled down to a global norm before the update, as torch.nn.utils.clip_grad_norm_: the norm is over all elements of
// all mean gradients, summed in chunks whose borders do not depend on the number of threads.
#pragma once
#include <cstddef>
#include <vector>

#include "plan/word_reader.hpp"
#include "runtime/exchange.hpp"

namespace one {

class GradientClip {
 public:
  void read(WordReader& words);
  bool empty() const { return chunks_.empty(); }
  // This thread's part of the sums of squares; each replica takes them all for itself.
  void takeSums(const Exchange& exchange, int thread, int threads);
  // min(1, largest norm / (norm + 1e-6)), after a meeting with all who took sums.
  float factor() const;

 private:
  struct Chunk {
    std::size_t begin = 0;  // element of the gradients
    std::size_t end = 0;
  };
  float largestNorm_ = 0;
  std::vector<Chunk> chunks_;
  std::vector<double> sums_;  // of squares, one a chunk
};

}  // namespace one
