// Any optimizer's update: a short list of operations that runs over blocks of elements small enough for the first-level
// cache (src/engine/graph/update-arithmetic.ts says what they mean). Norms over whole tensors are taken in a pass of their own
// before it, as sums over chunks whose borders do not depend on the number of threads.
#pragma once
#include <cstddef>
#include <vector>

#include "plan/named.hpp"
#include "plan/word_reader.hpp"
#include "runtime/exchange.hpp"

namespace one {

class OptimizerUpdate {
 public:
  // Operations of an update by the names of src/engine/graph/update-arithmetic.ts.
  enum class Op { constant, add, subtract, multiply, divide, squareRoot, norm, whenPositive };
  static const NamedTable<Op>& opNames();

  void read(WordReader& words);
  bool empty() const { return ranges_.empty(); }
  bool needsNorms() const { return !chunks_.empty(); }

  // This thread's part of the sums of squares, of gradients times `share`; each replica takes them all for itself. Weights must not change meanwhile.
  void takeNorms(const Exchange& exchange, float share, int thread, int threads, const float* scalars,
                 const float* state);
  // Updates this member's shard, after a meeting with all who took norms. `member` counts the threads of all replicas.
  void run(const Exchange& exchange, float share, int member, const float* scalars, float* state) const;

 private:
  struct Step {
    Op op = Op::constant;
    std::size_t of[3] = {0, 0, 0};  // values: operands, then results of steps
    float value = 0;
    bool scalar = false;
    bool afterNorm = false;
  };
  struct Kernel {
    std::size_t tensors = 0;  // weight and states; the gradient is the next operand
    std::size_t scalars = 0;
    std::vector<Step> steps;
    std::vector<std::size_t> results;
    std::vector<std::size_t> norms;  // steps
    std::size_t operands() const { return tensors + 1 + scalars; }
    std::size_t values() const { return operands() + steps.size(); }
  };
  struct Range {
    std::size_t kernel = 0;
    std::size_t elements = 0;
    std::size_t gradient = 0;          // element of the gradient
    std::vector<std::size_t> tensors;  // elements into the state
    std::vector<std::size_t> scalars;
    std::size_t firstChunk = 0;
  };
  struct Chunk {
    std::size_t range = 0;
    std::size_t begin = 0;  // of the range's elements
    std::size_t end = 0;
    std::size_t firstSum = 0;
  };
  class Values;

  void readKernel(WordReader& words);
  void readRange(WordReader& words);
  void loadScalars(const Range& range, const float* scalars, bool norms, Values& values) const;
  void loadTensors(const Range& range, const Exchange& exchange, float share, const float* state, std::size_t at,
                   Values& values) const;
  float normOf(const Range& range, std::size_t norm) const;
  std::size_t mostValues() const;

  std::vector<Kernel> kernels_;
  std::vector<Range> ranges_;
  std::vector<Chunk> chunks_;
  std::vector<double> sums_;  // of squares, for each chunk one a norm
};

}  // namespace one
