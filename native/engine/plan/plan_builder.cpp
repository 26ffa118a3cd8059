#include "plan/plan_builder.hpp"

#include <stdexcept>

namespace one {

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

void PlanBuilder::bind() {
  for (Worker& worker : workers_) {
    scratch_.emplace_back(scratchElements_ * sizeof(float));
    worker.scratch = scratch_.back().data();
  }
  for (const auto& part : parts_) part->bind();
}

std::size_t PlanBuilder::bytes() const {
  std::size_t bytes = 0;
  for (const auto& buffer : scratch_) bytes += buffer.bytes();
  for (const auto& part : parts_) bytes += part->bytes();
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

}  // namespace one
