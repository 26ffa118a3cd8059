#include "kernels/convolution/winograd_groups.hpp"

#include <vector>

#include "kernels/convolution/winograd.hpp"

namespace one {
namespace {

// One instruction a group, one after the other.
class Groups : public Instruction {
 public:
  explicit Groups(std::vector<InstructionPtr> groups) : groups_(std::move(groups)) {}

  void run(Worker& worker, const RunArguments& arguments) override {
    for (const InstructionPtr& group : groups_) group->run(worker, arguments);
  }

 private:
  std::vector<InstructionPtr> groups_;
};

// The filters of one group lie behind those of the groups before it.
WeightShape groupWeights(const WeightShape& weights, int group) {
  WeightShape own = weights;
  own.groups = 1;
  own.out = weights.out / weights.groups;
  own.stateOffset += static_cast<std::size_t>(group) * own.elements();
  return own;
}

Activation groupChannels(const Activation& tensor, const WeightShape& weights, int group) {
  const int channels = tensor.channels / weights.groups;
  return tensor.channelRange(group * channels, channels);
}

Prologue groupPrologue(const Prologue& prologue, const Activation& x, const WeightShape& weights, int group) {
  if (!prologue) return std::nullopt;
  const int channels = x.channels / weights.groups;
  return prologue->channelRange(group * channels, channels);
}

// Calls `make(group)` for each group.
template <class Make>
InstructionPtr forGroups(const WeightShape& weights, const Make& make) {
  std::vector<InstructionPtr> groups;
  for (int group = 0; group < weights.groups; group++) groups.push_back(make(group));
  return std::make_unique<Groups>(std::move(groups));
}

}  // namespace

bool winogradGroupsFit(const Activation& x, const Activation& y, const WeightShape& weights, int stride, int padding) {
  const auto whole = [&](const Activation& tensor) {
    return tensor.channels % weights.groups == 0 && tensor.channels / weights.groups % tensor.lanes == 0;
  };
  if (weights.groups == 1 || weights.merge != 1 || !whole(x) || !whole(y)) return false;
  return winogradFits(groupChannels(x, weights, 0), groupChannels(y, weights, 0), groupWeights(weights, 0), stride,
                      padding);
}

InstructionPtr winogradGroups(const Activation& x, const Activation& y, const WeightShape& weights, bool transposed,
                              const Prologue& prologue, const Epilogue& epilogue, PlanBuilder& builder) {
  const int results = y.channels / weights.groups;
  return forGroups(weights, [&](int group) {
    return winogradConvolution(groupChannels(x, weights, group), groupChannels(y, weights, group),
                               groupWeights(weights, group), transposed, groupPrologue(prologue, x, weights, group),
                               epilogue.channelRange(group * results, results), builder);
  });
}

InstructionPtr winogradGroupsBackwardWeights(const Activation& x, const Activation& dy, const WeightShape& weights,
                                             std::size_t gradientOffset, const Prologue& prologue,
                                             PlanBuilder& builder) {
  return forGroups(weights, [&](int group) {
    const std::size_t offset = gradientOffset + static_cast<std::size_t>(group) * groupWeights(weights, 0).elements();
    return winogradBackwardWeights(groupChannels(x, weights, group), groupChannels(dy, weights, group), offset,
                                   groupPrologue(prologue, x, weights, group), builder);
  });
}

}  // namespace one
