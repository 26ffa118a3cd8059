#include "plan/plan_builder.hpp"

#include <algorithm>
#include <stdexcept>

#include "kernels/convolution/group_merge.hpp"

namespace one {

void WeightCopy::make(const dnnl::stream& stream) {
  if (weights.merge > 1) spreadGroups(weights, state, reinterpret_cast<float*>(merged.data()));
  reorder.execute(stream);
}

void PlanBuilder::readTensor(WordReader& words) {
  // Offsets are counted in lines of 64 bytes, so that 31 bits reach 128 GiB.
  constexpr std::size_t kLine = 64;
  Activation tensor;
  tensor.offset = words.size() * kLine;
  tensor.channels = words.integer();
  tensor.height = words.integer();
  tensor.width = words.integer();
  tensor.type = words.integer() == 0 ? Type::f32 : Type::bf16;
  tensor.layout = words.integer() == 0 ? Layout::plain : Layout::vectorised;
  const int wholeChannels = words.integer();
  tensor.lay(block_);
  if (wholeChannels != tensor.channels) {
    if (tensor.layout == Layout::plain || block_ == 0) {
      throw std::runtime_error("Expected a tensor in blocks of channels for a part of another");
    }
    tensor.layWithin(wholeChannels);
  }
  tensors_.push_back(tensor);
}

const Activation* PlanBuilder::optionalTensor(WordReader& words) const {
  const std::int32_t index = words.integer();
  return index < 0 ? nullptr : &tensors_.at(static_cast<std::size_t>(index));
}

VectorRef PlanBuilder::vector(WordReader& words) const {
  const bool inState = words.integer() == 0;
  const std::size_t place = words.size();
  if (inState) return {state_ + place, 0};
  return {nullptr, tensors_.at(place).offset};
}

const dnnl::memory& PlanBuilder::weightCopy(const WeightShape& weights, const dnnl::memory::desc& desc) {
  for (const auto& copy : weightCopies_) {
    if (copy->weights.stateOffset == weights.stateOffset && copy->desc == desc) return copy->memory;
  }
  auto copy = std::make_unique<WeightCopy>();
  copy->weights = weights;
  copy->state = state_ + weights.stateOffset;
  copy->desc = desc;
  copy->buffer = AlignedBuffer(desc.get_size());
  copy->memory = dnnl::memory(desc, engine_, copy->buffer.data());
  if (weights.merge > 1) copy->merged = AlignedBuffer(weights.mergedElements() * sizeof(float));
  void* source = weights.merge > 1 ? static_cast<void*>(copy->merged.data()) : state_ + weights.stateOffset;
  const dnnl::memory master(weights.plain(), engine_, source);
  const dnnl::reorder::primitive_desc reorder(engine_, master.get_desc(), engine_, desc, attributes());
  copy->reorder.primitive = dnnl::reorder(reorder);
  copy->reorder.add(DNNL_ARG_FROM, master);
  copy->reorder.add(DNNL_ARG_TO, copy->memory);
  // The thread that makes the copy is known by its place in the list (plan.cpp).
  const int thread = static_cast<int>(weightCopies_.size()) % threads();
  addScratchpad(copy->reorder, thread, reorder.scratchpad_desc());
  weightCopies_.push_back(std::move(copy));
  return weightCopies_.back()->memory;
}

void PlanBuilder::addScratchpad(BoundPrimitive& bound, int thread, const dnnl::memory::desc& desc) {
  if (desc.get_size() == 0) return;
  const dnnl::memory memory(desc, engine_, nullptr);
  scratchpads_.push_back({thread, memory});
  bound.add(DNNL_ARG_SCRATCHPAD, memory);
}

dnnl::memory PlanBuilder::transient(int thread, const dnnl::memory::desc& desc) {
  const dnnl::memory memory(desc, engine_, nullptr);
  transients_.push_back({thread, memory});
  return memory;
}

void PlanBuilder::bindScratch() {
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

std::size_t PlanBuilder::scratchBytes() const {
  std::size_t bytes = 0;
  for (const auto& buffer : scratch_) bytes += buffer.bytes();
  for (const auto& copy : weightCopies_) bytes += copy->buffer.bytes() + copy->merged.bytes();
  return bytes;
}

double* PlanBuilder::sharedDoubles(std::size_t count) {
  shared_.emplace_back(count * sizeof(double));
  return reinterpret_cast<double*>(shared_.back().data());
}

StatisticsRegion PlanBuilder::statisticsRegion(std::size_t number, int channels) {
  if (number >= statistics_.size()) statistics_.resize(number + 1);
  StatisticsRegion& region = statistics_[number];
  if (region.partials == nullptr) {
    region.stride = 2 * static_cast<std::size_t>(channels);
    region.partials = sharedDoubles(static_cast<std::size_t>(threads()) * region.stride);
  }
  return region;
}

dnnl::primitive_attr PlanBuilder::attributes() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

}  // namespace one
