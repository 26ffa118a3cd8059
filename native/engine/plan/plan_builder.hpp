// What instructions share while a plan is built: tensors, scratch memory, parts that several of them use.
#pragma once
#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <vector>

#include "kernels/elementwise/activation.hpp"
#include "plan/instruction.hpp"
#include "plan/word_reader.hpp"
#include "runtime/aligned_buffer.hpp"

namespace one {

// f32 weights in the state, [O, I / groups, k, k], and how the arithmetic groups them.
struct WeightShape {
  std::size_t stateOffset = 0;  // elements
  int groups = 1;
  int out = 0;
  int perGroup = 0;
  int kernelHeight = 0;
  int kernelWidth = 0;
  Type type = Type::f32;
  // Groups that are computed as one (group_merge.hpp).
  int merge = 1;

  std::size_t elements() const {
    return static_cast<std::size_t>(out) * static_cast<std::size_t>(perGroup) * static_cast<std::size_t>(kernelHeight) *
           static_cast<std::size_t>(kernelWidth);
  }
  // Of an output channel.
  std::size_t rowElements() const { return elements() / static_cast<std::size_t>(out); }
  // With the zeros between merged groups.
  std::size_t mergedElements() const { return elements() * static_cast<std::size_t>(merge); }
};

// Where each thread leaves mean and sum of squared distances of a convolution's result for the batch norm behind it, or the two
// sums of its gradient: those of all channels, then the others.
struct StatisticsRegion {
  double* partials = nullptr;
  std::size_t stride = 0;
  double* of(int thread) const { return partials + static_cast<std::size_t>(thread) * stride; }
  // From the first to the second of a channel.
  std::size_t distance() const { return stride / 2; }
  // Of the channels from `first` on.
  StatisticsRegion from(int first) const { return {partials + first, stride}; }
};

// What several instructions of a plan have together, such as a library's own memory.
class SharedPart {
 public:
  SharedPart() = default;
  SharedPart(const SharedPart&) = delete;
  SharedPart& operator=(const SharedPart&) = delete;
  virtual ~SharedPart() = default;
  // After all instructions are built.
  virtual void bind() = 0;
  // In every thread before the instructions of a run; the threads meet behind it.
  virtual void prepare(const Worker& worker) = 0;
  virtual std::size_t bytes() const = 0;
};

class PlanBuilder {
 public:
  PlanBuilder(float* state, std::vector<Worker>& workers, int block, bool ownConvolutions)
      : state_(state), workers_(workers), block_(block), ownConvolutions_(ownConvolutions) {}

  std::vector<Worker>& workers() { return workers_; }
  float* state(std::size_t offset) const { return state_ + offset; }
  // Channels in a block of the machine's layout, 0 = channels last.
  int block() const { return block_; }
  // Whether convolutions may be our own, by Winograd's way or direct.
  bool ownConvolutions() const { return ownConvolutions_; }
  int threads() const { return static_cast<int>(workers_.size()); }
  int batch() const { return workers_.back().firstSample + workers_.back().samples; }

  void readTensor(WordReader& words);
  const Activation& tensorAt(std::size_t index) const { return tensors_.at(index); }
  const Activation& tensor(WordReader& words) const { return tensorAt(words.size()); }
  // Reads an index that may be -1 for "none".
  const Activation* optionalTensor(WordReader& words) const;
  std::optional<Activation> maybeTensor(WordReader& words) const {
    const Activation* tensor = optionalTensor(words);
    return tensor == nullptr ? std::nullopt : std::optional<Activation>(*tensor);
  }
  VectorRef vector(WordReader& words) const;

  // At least so much of each worker's `scratch`, for an instruction that is being built. Holds finite numbers, or whatever an
  // instruction before left there.
  void reserveScratchFloats(std::ptrdiff_t elements) {
    scratchElements_ = std::max(scratchElements_, static_cast<std::size_t>(elements));
  }
  // Gives scratch memories and parts their place, after all instructions are built.
  void bind();
  // Of scratch and parts.
  std::size_t bytes() const;

  // The one part of this kind; made for who asks first.
  template <class Part>
  Part& part() {
    for (const auto& known : parts_) {
      if (auto* part = dynamic_cast<Part*>(known.get())) return *part;
    }
    auto made = std::make_unique<Part>(threads());
    Part& part = *made;
    parts_.push_back(std::move(made));
    return part;
  }
  const std::vector<std::unique_ptr<SharedPart>>& parts() const { return parts_; }

  // Memory that all threads of the team see, e.g. for partial sums.
  double* sharedDoubles(std::size_t count);
  // The region of this number: two doubles a channel and thread, the same for all who name the number.
  StatisticsRegion statisticsRegion(std::size_t number, int channels);

 private:
  float* state_;
  std::vector<Worker>& workers_;
  int block_;
  bool ownConvolutions_;
  std::vector<Activation> tensors_;
  std::size_t scratchElements_ = 0;
  std::vector<AlignedBuffer> scratch_;
  std::vector<std::unique_ptr<SharedPart>> parts_;
  std::vector<AlignedBuffer> shared_;
  std::vector<StatisticsRegion> statistics_;
};

}  // namespace one
