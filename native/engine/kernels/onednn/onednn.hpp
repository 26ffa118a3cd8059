// oneDNN in a plan: its descriptions of tensors, and its streams, scratch memories and copies of weights. An addon built with
// ONE_WITHOUT_ONEDNN has none of it: our own kernels serve every operation.
#pragma once
#if !defined(ONE_WITHOUT_ONEDNN)
#include <memory>
#include <vector>

#include <dnnl.hpp>

#include "plan/plan_builder.hpp"

namespace one::onednn {

inline dnnl::memory::data_type typeOf(Type type) {
  return type == Type::f32 ? dnnl::memory::data_type::f32 : dnnl::memory::data_type::bf16;
}

// Of `samples` images. What lies behind a part's last channel is not zero, as oneDNN would have it.
dnnl::memory::desc describe(const Activation& tensor, int samples);

// Dimensions of the filters of merged groups, [O, I, k, k] or [groups, O / groups, I / groups, k, k].
dnnl::memory::dims dimsOf(const WeightShape& weights);
// f32 as they lie in the state.
dnnl::memory::desc plainOf(const WeightShape& weights);
// In whatever layout the primitive prefers.
inline dnnl::memory::desc anyOf(const WeightShape& weights, dnnl::memory::data_type type) {
  return {dimsOf(weights), type, dnnl::memory::format_tag::any};
}

// Scratch memory is the user's.
dnnl::primitive_attr attributes();

// A primitive with its arguments, bound to one thread's memory; executing it allocates nothing.
struct BoundPrimitive {
  dnnl::primitive primitive;
  std::vector<dnnl::memory> memories;  // keeps alive what `arguments` points to
  std::vector<dnnl_exec_arg_t> arguments;

  void add(int name, dnnl::memory memory) {
    memories.push_back(memory);
    arguments.push_back({name, memories.back().get()});
  }
  void execute(const dnnl::stream& stream) const {
    const dnnl_status_t status =
        dnnl_primitive_execute(primitive.get(), stream.get(), static_cast<int>(arguments.size()), arguments.data());
    dnnl::error::wrap_c_api(status, "Expected oneDNN to execute a primitive but received a failure");
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

class Library : public SharedPart {
 public:
  explicit Library(int threads);
  void bind() override;
  void prepare(const Worker& worker) override;
  std::size_t bytes() const override;

  const dnnl::engine& engine() const { return engine_; }
  const dnnl::stream& stream(const Worker& worker) const { return streams_[static_cast<std::size_t>(worker.thread)]; }
  // The worker's samples of a tensor.
  dnnl::memory slice(const Worker& worker, const Activation& tensor) const {
    return {describe(tensor, worker.samples), engine_, worker.at<void>(tensor)};
  }
  // The copy of these weights, which lie at `state`, in this layout; made once however many instructions ask.
  const dnnl::memory& weightCopy(const WeightShape& weights, float* state, const dnnl::memory::desc& desc);

  // Memory of `thread` that a primitive may use while it runs and nothing keeps.
  void addScratchpad(BoundPrimitive& bound, int thread, const dnnl::memory::desc& desc);
  // As above, for a result that the next primitive of the same instruction takes up.
  dnnl::memory transient(int thread, const dnnl::memory::desc& desc);

 private:
  struct Pending {
    int thread;
    dnnl::memory memory;
  };
  int threads() const { return static_cast<int>(streams_.size()); }

  dnnl::engine engine_;
  std::vector<dnnl::stream> streams_;
  std::vector<std::unique_ptr<WeightCopy>> weightCopies_;
  std::vector<Pending> scratchpads_;
  std::vector<Pending> transients_;
  std::vector<AlignedBuffer> scratch_;
};

}  // namespace one::onednn
#endif
