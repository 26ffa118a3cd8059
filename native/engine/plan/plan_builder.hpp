// What instructions share while a plan is built: engine, tensors, working copies of weights, scratch memory.
#pragma once
#include <cstddef>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include <dnnl.hpp>

#include "kernels/elementwise/activation.hpp"
#include "plan/instruction.hpp"
#include "plan/word_reader.hpp"
#include "runtime/aligned_buffer.hpp"

namespace one {

// A dnnl primitive with its arguments, bound to one thread's memory; executing it allocates nothing.
struct BoundPrimitive {
  dnnl::primitive primitive;
  std::vector<dnnl::memory> memories;  // keeps alive what `arguments` points to
  std::vector<dnnl_exec_arg_t> arguments;

  void add(int name, dnnl::memory memory) {
    memories.push_back(memory);
    arguments.push_back({name, memories.back().get()});
  }
  explicit operator bool() const { return static_cast<bool>(primitive); }
  void execute(const dnnl::stream& stream) const {
    const dnnl_status_t status =
        dnnl_primitive_execute(primitive.get(), stream.get(), static_cast<int>(arguments.size()), arguments.data());
    dnnl::error::wrap_c_api(status, "Expected oneDNN to execute a primitive but received a failure");
  }
};

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
  // Of the merged groups, as is `plain`.
  dnnl::memory::dims dims() const {
    const int count = groups / merge;
    if (count == 1) return {out, perGroup * merge, kernelHeight, kernelWidth};
    return {count, out / count, perGroup * merge, kernelHeight, kernelWidth};
  }
  dnnl::memory::desc plain() const {
    using tag = dnnl::memory::format_tag;
    return {dims(), dnnl::memory::data_type::f32, groups == merge ? tag::oihw : tag::goihw};
  }
  // Any layout that the primitive prefers, in the arithmetic's own precision or in `type`.
  dnnl::memory::desc any(dnnl::memory::data_type dataType) const {
    return {dims(), dataType, dnnl::memory::format_tag::any};
  }
};

// A copy of weights in the layout and precision that a primitive wants, made anew in each run.
struct WeightCopy {
  WeightShape weights;
  const float* state = nullptr;
  // The state's weights with merged groups; empty where none are.
  AlignedBuffer merged;
  dnnl::memory::desc desc;
  AlignedBuffer buffer;
  dnnl::memory memory;
  BoundPrimitive reorder;

  void make(const dnnl::stream& stream);
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

class PlanBuilder {
 public:
  PlanBuilder(float* state, std::vector<Worker>& workers, int block, bool winograd)
      : engine_(dnnl::engine::kind::cpu, 0), state_(state), workers_(workers), block_(block), winograd_(winograd) {}

  const dnnl::engine& engine() const { return engine_; }
  std::vector<Worker>& workers() { return workers_; }
  float* state(std::size_t offset) const { return state_ + offset; }
  // Channels in a block of the machine's layout, 0 = channels last.
  int block() const { return block_; }
  // Whether convolutions may be our own, by Winograd's way or direct.
  bool winograd() const { return winograd_; }
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

  // The copy of these weights in this layout; made once however many instructions ask.
  const dnnl::memory& weightCopy(const WeightShape& weights, const dnnl::memory::desc& desc);
  std::vector<std::unique_ptr<WeightCopy>>& weightCopies() { return weightCopies_; }

  // Memory of `thread` that a primitive may use while it runs and nothing keeps.
  void addScratchpad(BoundPrimitive& bound, int thread, const dnnl::memory::desc& desc);
  // As above, for a result that the next primitive of the same instruction takes up.
  dnnl::memory transient(int thread, const dnnl::memory::desc& desc);
  // Gives the scratch memories their place, after all instructions are built.
  void bindScratch();
  std::size_t scratchBytes() const;

  // Memory that all threads of the team see, e.g. for partial sums.
  double* sharedDoubles(std::size_t count);
  // The region of this number: two doubles a channel and thread, the same for all who name the number.
  StatisticsRegion statisticsRegion(std::size_t number, int channels);

  static dnnl::primitive_attr attributes();

 private:
  struct Pending {
    int thread;
    dnnl::memory memory;
  };
  dnnl::engine engine_;
  float* state_;
  std::vector<Worker>& workers_;
  int block_;
  bool winograd_;
  std::vector<Activation> tensors_;
  std::vector<std::unique_ptr<WeightCopy>> weightCopies_;
  std::vector<Pending> scratchpads_;
  std::vector<Pending> transients_;
  std::vector<AlignedBuffer> scratch_;
  std::vector<AlignedBuffer> shared_;
  std::vector<StatisticsRegion> statistics_;
};

}  // namespace one
