#include "kernels/onednn/onednn.hpp"

#if !defined(ONE_WITHOUT_ONEDNN)
#include <algorithm>
#include <stdexcept>

#include "kernels/convolution/group_merge.hpp"

namespace one::onednn {
namespace {

using tag = dnnl::memory::format_tag;

tag tagOf(const Activation& tensor) {
  if (tensor.layout == Layout::plain) return tag::nchw;
  if (tensor.pixelStride != tensor.lanes) return tag::nhwc;
  return tensor.lanes == 16 ? tag::nChw16c : tag::nChw8c;
}

}  // namespace

dnnl::memory::desc describe(const Activation& tensor, int samples) {
  if (tensor.part) throw std::logic_error("Expected a whole tensor for oneDNN but received a part of one");
  return dnnl::memory::desc({samples, tensor.channels, tensor.height, tensor.width}, typeOf(tensor.type),
                            tagOf(tensor));
}

dnnl::memory::dims dimsOf(const WeightShape& weights) {
  const int count = weights.groups / weights.merge;
  const int perGroup = weights.perGroup * weights.merge;
  if (count == 1) return {weights.out, perGroup, weights.kernelHeight, weights.kernelWidth};
  return {count, weights.out / count, perGroup, weights.kernelHeight, weights.kernelWidth};
}

dnnl::memory::desc plainOf(const WeightShape& weights) {
  return {dimsOf(weights), dnnl::memory::data_type::f32, weights.groups == weights.merge ? tag::oihw : tag::goihw};
}

dnnl::primitive_attr attributes() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

void WeightCopy::make(const dnnl::stream& stream) {
  if (weights.merge > 1) spreadGroups(weights, state, reinterpret_cast<float*>(merged.data()));
  reorder.execute(stream);
}

Library::Library(int threads) : engine_(dnnl::engine::kind::cpu, 0) {
  for (int thread = 0; thread < threads; thread++) streams_.emplace_back(engine_);
}

const dnnl::memory& Library::weightCopy(const WeightShape& weights, float* state, const dnnl::memory::desc& desc) {
  for (const auto& copy : weightCopies_) {
    if (copy->state == state && copy->desc == desc) return copy->memory;
  }
  auto copy = std::make_unique<WeightCopy>();
  copy->weights = weights;
  copy->state = state;
  copy->desc = desc;
  copy->buffer = AlignedBuffer(desc.get_size());
  copy->memory = dnnl::memory(desc, engine_, copy->buffer.data());
  if (weights.merge > 1) copy->merged = AlignedBuffer(weights.mergedElements() * sizeof(float));
  void* source = weights.merge > 1 ? static_cast<void*>(copy->merged.data()) : state;
  const dnnl::memory master(plainOf(weights), engine_, source);
  const dnnl::reorder::primitive_desc reorder(engine_, master.get_desc(), engine_, desc, attributes());
  copy->reorder.primitive = dnnl::reorder(reorder);
  copy->reorder.add(DNNL_ARG_FROM, master);
  copy->reorder.add(DNNL_ARG_TO, copy->memory);
  // The thread that makes the copy is known by its place in the list, as in `prepare`.
  addScratchpad(copy->reorder, static_cast<int>(weightCopies_.size()) % threads(), reorder.scratchpad_desc());
  weightCopies_.push_back(std::move(copy));
  return weightCopies_.back()->memory;
}

void Library::prepare(const Worker& worker) {
  const auto step = static_cast<std::size_t>(threads());
  for (auto place = static_cast<std::size_t>(worker.thread); place < weightCopies_.size(); place += step) {
    weightCopies_[place]->make(stream(worker));
  }
}

void Library::addScratchpad(BoundPrimitive& bound, int thread, const dnnl::memory::desc& desc) {
  if (desc.get_size() == 0) return;
  const dnnl::memory memory(desc, engine_, nullptr);
  scratchpads_.push_back({thread, memory});
  bound.add(DNNL_ARG_SCRATCHPAD, memory);
}

dnnl::memory Library::transient(int thread, const dnnl::memory::desc& desc) {
  const dnnl::memory memory(desc, engine_, nullptr);
  transients_.push_back({thread, memory});
  return memory;
}

void Library::bind() {
  for (int thread = 0; thread < threads(); thread++) {
    const auto largest = [thread](const std::vector<Pending>& list) {
      std::size_t most = 0;
      for (const Pending& pending : list) {
        if (pending.thread == thread) most = std::max(most, pending.memory.get_desc().get_size());
      }
      return most;
    };
    constexpr std::size_t kLine = 64;
    const std::size_t first = (largest(scratchpads_) + kLine - 1) / kLine * kLine;
    AlignedBuffer buffer(first + largest(transients_));
    for (Pending& pending : scratchpads_) {
      if (pending.thread == thread) pending.memory.set_data_handle(buffer.data());
    }
    for (Pending& pending : transients_) {
      if (pending.thread == thread) pending.memory.set_data_handle(buffer.data() + first);
    }
    scratch_.push_back(std::move(buffer));
  }
}

std::size_t Library::bytes() const {
  std::size_t bytes = 0;
  for (const auto& buffer : scratch_) bytes += buffer.bytes();
  for (const auto& copy : weightCopies_) bytes += copy->buffer.bytes() + copy->merged.bytes();
  return bytes;
}

}  // namespace one::onednn
#endif
