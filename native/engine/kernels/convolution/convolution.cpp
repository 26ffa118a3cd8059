#include "kernels/convolution/convolution.hpp"

#include <stdexcept>

#include "kernels/convolution/any_layout.hpp"
#include "kernels/convolution/depthwise.hpp"
#include "kernels/convolution/direct.hpp"
#include "kernels/convolution/epilogue.hpp"
#include "kernels/convolution/group_merge.hpp"
#include "kernels/convolution/image.hpp"
#include "kernels/convolution/winograd.hpp"
#include "kernels/convolution/winograd_groups.hpp"
#include "kernels/convolution/with_epilogue.hpp"
#include "kernels/onednn/onednn_convolution.hpp"

namespace one {
namespace {

struct Geometry {
  WeightShape weights;
  int stride = 1;
  int padding = 0;

  Kernel kernel() const { return {weights.kernelHeight, weights.kernelWidth, stride, padding}; }
};

Geometry readGeometry(WordReader& words, const PlanBuilder& builder) {
  Geometry geometry;
  WeightShape& weights = geometry.weights;
  weights.stateOffset = words.size();
  weights.groups = words.integer();
  weights.out = words.integer();
  weights.perGroup = words.integer();
  weights.kernelHeight = words.integer();
  weights.kernelWidth = words.integer();
  weights.type = words.integer() == 0 ? Type::f32 : Type::bf16;
  // Channels last has no blocks, but kernels that want as many channels.
  constexpr int kUsualBlock = 16;
  const int block = builder.block() == 0 ? kUsualBlock : builder.block();
  weights.merge = groupsToMerge(weights.groups, weights.out / weights.groups, weights.perGroup, block);
  geometry.stride = words.integer();
  geometry.padding = words.integer();
  return geometry;
}

bool winogradServes(const PlanBuilder& builder, const Activation& x, const Activation& y, const Geometry& geometry) {
  return builder.ownConvolutions() && winogradFits(x, y, geometry.weights, geometry.stride, geometry.padding);
}

bool directServes(const PlanBuilder& builder, const Activation& x, const Activation& y) {
  return builder.ownConvolutions() && directFits(x, y);
}

bool imageServes(const PlanBuilder& builder, const Activation& x, const Activation& y, const Geometry& geometry) {
  return builder.ownConvolutions() && imageFits(x, y, geometry.weights, geometry.stride);
}

bool depthwiseServes(const PlanBuilder& builder, const Activation& x, const Activation& y, const Geometry& geometry) {
  return builder.ownConvolutions() && depthwiseFits(x, y, geometry.weights);
}

bool winogradGroupsServe(const PlanBuilder& builder, const Activation& x, const Activation& y,
                         const Geometry& geometry) {
  return builder.ownConvolutions() && winogradGroupsFit(x, y, geometry.weights, geometry.stride, geometry.padding);
}

// As read from the plan: number of a statistics region, its channels and which comes first, or -1; then whether a batch norm is
// folded in, and that.
Epilogue readEpilogue(WordReader& words, PlanBuilder& builder, const Activation& y) {
  Epilogue epilogue;
  const std::int32_t region = words.integer();
  if (region >= 0) {
    const int size = words.integer();
    epilogue.statistics = builder.statisticsRegion(static_cast<std::size_t>(region), size).from(words.integer());
  }
  if (words.integer() != 0) {
    epilogue.residual = builder.maybeTensor(words);
    epilogue.norm.emplace(words, builder, y.channels, y.paddedChannels());
    epilogue.rectifier = readNamed(words, rectifierNames());
  }
  return epilogue;
}

// A flag, then the batch norm that the input comes through, with its residual.
Prologue readPrologue(WordReader& words, PlanBuilder& builder, const Activation& x) {
  if (words.integer() == 0) return std::nullopt;
  const std::optional<Activation> residual = builder.maybeTensor(words);
  if (residual && !(residual->samplesLieAs(x) && residual->sampleStride == x.sampleStride)) {
    throw std::runtime_error("Expected a residual that lies in memory as the batch norm's x");
  }
  FoldedBatchNorm norm(words, builder, x.channels, x.paddedChannels());
  return NormedInput{std::move(norm), residual, readNamed(words, rectifierNames())};
}

// Number of a region or -1, then the batch norm whose dy the results are.
std::optional<GradientSums> readGradientSums(WordReader& words, PlanBuilder& builder) {
  const std::int32_t number = words.integer();
  if (number < 0) return std::nullopt;
  BatchNormBackwardInput norm(words, builder);
  const StatisticsRegion region = builder.statisticsRegion(static_cast<std::size_t>(number), norm.padded());
  return GradientSums{std::move(norm), region};
}

void refusePrologue(const Prologue& prologue) {
  if (prologue) throw std::runtime_error("Expected a stored input for a convolution that is not our own");
}

}  // namespace

InstructionPtr convolutionForward(WordReader& words, PlanBuilder& builder) {
  const Activation& x = builder.tensor(words);
  const Activation& y = builder.tensor(words);
  const Geometry geometry = readGeometry(words, builder);
  const bool training = words.integer() != 0;
  Prologue prologue = readPrologue(words, builder, x);
  Epilogue epilogue = readEpilogue(words, builder, y);
  if (winogradServes(builder, x, y, geometry)) {
    return winogradConvolution(x, y, geometry.weights, false, std::move(prologue), std::move(epilogue), builder);
  }
  if (depthwiseServes(builder, x, y, geometry)) {
    return depthwiseConvolution(x, y, geometry.weights, geometry.kernel(), false, std::move(prologue),
                                std::move(epilogue), builder);
  }
  if (winogradGroupsServe(builder, x, y, geometry)) {
    return winogradGroups(x, y, geometry.weights, false, prologue, epilogue, builder);
  }
  if (directServes(builder, x, y)) {
    return directConvolution(x, y, geometry.weights, geometry.kernel(), false, std::move(prologue), std::move(epilogue),
                             builder);
  }
  refusePrologue(prologue);
  if (imageServes(builder, x, y, geometry)) {
    return imageConvolution(x, y, geometry.weights, geometry.kernel(), std::move(epilogue), builder);
  }
  const Kernel kernel = geometry.kernel();
  InstructionPtr stored = onednn::convolutionForward(x, y, geometry.weights, kernel, training, builder);
  if (stored == nullptr) stored = anyLayoutConvolution(x, y, geometry.weights, kernel, false, false, builder);
  return withEpilogue(std::move(stored), y, std::move(epilogue));
}

InstructionPtr convolutionBackwardData(WordReader& words, PlanBuilder& builder) {
  const Activation& dy = builder.tensor(words);
  const Activation& dx = builder.tensor(words);
  const Geometry geometry = readGeometry(words, builder);
  Epilogue epilogue;
  epilogue.accumulate = words.integer() != 0;
  epilogue.gradientSums = readGradientSums(words, builder);
  if (winogradServes(builder, dx, dy, geometry)) {
    return winogradConvolution(dy, dx, geometry.weights, true, std::nullopt, std::move(epilogue), builder);
  }
  if (depthwiseServes(builder, dx, dy, geometry)) {
    return depthwiseConvolution(dy, dx, geometry.weights, geometry.kernel(), true, std::nullopt, std::move(epilogue),
                                builder);
  }
  if (winogradGroupsServe(builder, dx, dy, geometry)) {
    return winogradGroups(dy, dx, geometry.weights, true, std::nullopt, epilogue, builder);
  }
  if (directServes(builder, dx, dy)) {
    return directConvolution(dy, dx, geometry.weights, geometry.kernel(), true, std::nullopt, std::move(epilogue),
                             builder);
  }
  if (epilogue.gradientSums) {
    throw std::runtime_error("Expected gradient sums for a convolution of our own but received another");
  }
  const Kernel kernel = geometry.kernel();
  InstructionPtr instruction =
      onednn::convolutionBackwardData(dy, dx, geometry.weights, kernel, epilogue.accumulate, builder);
  if (instruction != nullptr) return instruction;
  return anyLayoutConvolution(dy, dx, geometry.weights, kernel, true, epilogue.accumulate, builder);
}

InstructionPtr convolutionBackwardWeights(WordReader& words, PlanBuilder& builder) {
  const Activation& x = builder.tensor(words);
  const Activation& dy = builder.tensor(words);
  const std::size_t gradientOffset = words.size();
  Geometry geometry = readGeometry(words, builder);
  geometry.weights.type = x.type;
  Prologue prologue = readPrologue(words, builder, x);
  if (winogradServes(builder, x, dy, geometry)) {
    return winogradBackwardWeights(x, dy, gradientOffset, std::move(prologue), builder);
  }
  if (depthwiseServes(builder, x, dy, geometry)) {
    return depthwiseBackwardWeights(x, dy, geometry.weights, gradientOffset, geometry.kernel(), std::move(prologue),
                                    builder);
  }
  if (winogradGroupsServe(builder, x, dy, geometry)) {
    return winogradGroupsBackwardWeights(x, dy, geometry.weights, gradientOffset, prologue, builder);
  }
  if (directServes(builder, x, dy)) {
    return directBackwardWeights(x, dy, geometry.weights, gradientOffset, geometry.kernel(), std::move(prologue),
                                 builder);
  }
  refusePrologue(prologue);
  if (imageServes(builder, x, dy, geometry)) {
    return imageBackwardWeights(x, dy, gradientOffset, geometry.kernel(), builder);
  }
  const Kernel kernel = geometry.kernel();
  InstructionPtr instruction =
      onednn::convolutionBackwardWeights(x, dy, geometry.weights, gradientOffset, kernel, builder);
  if (instruction != nullptr) return instruction;
  return anyLayoutBackwardWeights(x, dy, geometry.weights, gradientOffset, kernel, builder);
}

}  // namespace one
