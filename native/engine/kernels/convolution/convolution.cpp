#include "kernels/convolution/convolution.hpp"

#include <stdexcept>

#include "kernels/batch_norm/batch_norm.hpp"
#include "kernels/convolution/direct.hpp"
#include "kernels/convolution/epilogue.hpp"
#include "kernels/convolution/group_merge.hpp"
#include "kernels/convolution/image.hpp"
#include "kernels/convolution/shared_gradient.hpp"
#include "kernels/convolution/winograd.hpp"
#include "kernels/convolution/winograd_groups.hpp"
#include "kernels/elementwise/elementwise.hpp"

namespace one {
namespace {

struct Geometry {
  WeightShape weights;
  int stride = 1;
  int padding = 0;

  dnnl::memory::dims strides() const { return {stride, stride}; }
  Kernel kernel() const { return {weights.kernelHeight, weights.kernelWidth, stride, padding}; }
  // Equal on all sides; oneDNN rounds the output's size down as PyTorch does.
  dnnl::memory::dims paddings() const { return {padding, padding}; }
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

dnnl::convolution_forward::primitive_desc forwardDesc(const PlanBuilder& builder, const Geometry& geometry,
                                                      const Activation& x, const Activation& y, int samples,
                                                      bool training) {
  const auto kind = training ? dnnl::prop_kind::forward_training : dnnl::prop_kind::forward_inference;
  return {builder.engine(),
          kind,
          dnnl::algorithm::convolution_direct,
          x.desc(samples),
          geometry.weights.any(dnnlType(geometry.weights.type)),
          y.desc(samples),
          geometry.strides(),
          geometry.paddings(),
          geometry.paddings(),
          PlanBuilder::attributes()};
}

bool winogradServes(const PlanBuilder& builder, const Activation& x, const Activation& y, const Geometry& geometry) {
  return builder.winograd() && winogradFits(x, y, geometry.weights, geometry.stride, geometry.padding);
}

bool directServes(const PlanBuilder& builder, const Activation& x, const Activation& y) {
  return builder.winograd() && directFits(x, y);
}

bool imageServes(const PlanBuilder& builder, const Activation& x, const Activation& y, const Geometry& geometry) {
  return builder.winograd() && imageFits(x, y, geometry.weights, geometry.stride);
}

bool winogradGroupsServe(const PlanBuilder& builder, const Activation& x, const Activation& y,
                         const Geometry& geometry) {
  return builder.winograd() && winogradGroupsFit(x, y, geometry.weights, geometry.stride, geometry.padding);
}

dnnl::memory slice(const PlanBuilder& builder, const Worker& worker, const Activation& tensor) {
  return {tensor.desc(worker.samples), builder.engine(), worker.at<void>(tensor)};
}

// One primitive a thread; threads with equally many samples share its code.
class ConvolutionInstruction : public Instruction {
 public:
  void run(Worker& worker, const RunArguments&) override {
    for (const BoundPrimitive& bound : bound_[static_cast<std::size_t>(worker.thread)]) bound.execute(worker.stream);
  }

 protected:
  std::vector<std::vector<BoundPrimitive>> bound_;
};

class Forward : public ConvolutionInstruction {
 public:
  Forward(const Activation& x, const Activation& y, const Geometry& geometry, bool training, PlanBuilder& builder) {
    for (const Worker& worker : builder.workers()) {
      auto& list = bound_.emplace_back();
      if (worker.samples == 0) continue;
      const auto desc = forwardDesc(builder, geometry, x, y, worker.samples, training);
      BoundPrimitive bound;
      bound.primitive = dnnl::convolution_forward(desc);
      bound.add(DNNL_ARG_SRC, slice(builder, worker, x));
      bound.add(DNNL_ARG_WEIGHTS, builder.weightCopy(geometry.weights, desc.weights_desc()));
      bound.add(DNNL_ARG_DST, slice(builder, worker, y));
      builder.addScratchpad(bound, worker.thread, desc.scratchpad_desc());
      list.push_back(std::move(bound));
    }
  }
};

class BackwardData : public ConvolutionInstruction {
 public:
  BackwardData(const Activation& dy, const Activation& dx, const Geometry& geometry, bool accumulate,
               PlanBuilder& builder)
      : dx_(dx) {
    for (const Worker& worker : builder.workers()) {
      auto& list = bound_.emplace_back();
      if (worker.samples == 0) continue;
      const int samples = worker.samples;
      const auto hint = forwardDesc(builder, geometry, dx, dy, samples, true);
      const dnnl::convolution_backward_data::primitive_desc desc(
          builder.engine(), dnnl::algorithm::convolution_direct, dx.desc(samples),
          geometry.weights.any(dnnlType(geometry.weights.type)), dy.desc(samples), geometry.strides(),
          geometry.paddings(), geometry.paddings(), hint, PlanBuilder::attributes());
      BoundPrimitive bound;
      bound.primitive = dnnl::convolution_backward_data(desc);
      bound.add(DNNL_ARG_DIFF_DST, slice(builder, worker, dy));
      bound.add(DNNL_ARG_WEIGHTS, builder.weightCopy(geometry.weights, desc.weights_desc()));
      const dnnl::memory result =
          accumulate ? builder.transient(worker.thread, dx.desc(samples)) : slice(builder, worker, dx);
      if (accumulate) results_.push_back({worker.thread, result});
      bound.add(DNNL_ARG_DIFF_SRC, result);
      builder.addScratchpad(bound, worker.thread, desc.scratchpad_desc());
      list.push_back(std::move(bound));
    }
  }

  void run(Worker& worker, const RunArguments& arguments) override {
    ConvolutionInstruction::run(worker, arguments);
    for (const Result& result : results_) {
      if (result.thread == worker.thread) addSlice(dx_, worker, result.memory.get_data_handle());
    }
  }

 private:
  // Where the gradient of a thread goes before it is added.
  struct Result {
    int thread;
    dnnl::memory memory;
  };
  const Activation dx_;
  std::vector<Result> results_;
};

// For gradients of filters over plain images oneDNN has fast kernels only where the output channels fill their blocks. The
// padding channels of dy are zero, so they may count: the gradient has their rows behind its own.
Activation withWholeBlocks(const Activation& x, const Activation& dy) {
  Activation whole = dy;
  if (x.lanes == 1) whole.channels = dy.paddedChannels();
  return whole;
}

// dW, brought from the primitive's layout into the gradient's plain one.
class BackwardWeights : public ConvolutionInstruction {
 public:
  BackwardWeights(const Activation& x, const Activation& ownDy, std::size_t gradientOffset, Geometry geometry,
                  PlanBuilder& builder)
      : weights_(geometry.weights), gradient_(gradientOffset, weights_.out, weights_.rowElements(), 1, builder) {
    const Activation dy = weights_.groups == 1 ? withWholeBlocks(x, ownDy) : ownDy;
    geometry.weights.out = dy.channels;
    const std::size_t elements = geometry.weights.mergedElements();
    for (const Worker& worker : builder.workers()) {
      auto& list = bound_.emplace_back();
      const bool inPlace = gradient_.single() && elements == weights_.elements();
      plain_.emplace_back(inPlace ? 0 : elements * sizeof(float));
      float* gradient = inPlace ? gradient_.of(worker) : reinterpret_cast<float*>(plain_.back().data());
      if (worker.samples == 0) continue;
      const int samples = worker.samples;
      const auto hint = forwardDesc(builder, geometry, x, dy, samples, true);
      const dnnl::convolution_backward_weights::primitive_desc desc(
          builder.engine(), dnnl::algorithm::convolution_direct, x.desc(samples),
          geometry.weights.any(dnnl::memory::data_type::f32), dy.desc(samples), geometry.strides(), geometry.paddings(),
          geometry.paddings(), hint, PlanBuilder::attributes());
      const dnnl::memory plain(geometry.weights.plain(), builder.engine(), gradient);
      const bool direct = desc.diff_weights_desc() == plain.get_desc();
      const dnnl::memory result = direct ? plain : builder.transient(worker.thread, desc.diff_weights_desc());

      BoundPrimitive bound;
      bound.primitive = dnnl::convolution_backward_weights(desc);
      bound.add(DNNL_ARG_SRC, slice(builder, worker, x));
      bound.add(DNNL_ARG_DIFF_DST, slice(builder, worker, dy));
      bound.add(DNNL_ARG_DIFF_WEIGHTS, result);
      builder.addScratchpad(bound, worker.thread, desc.scratchpad_desc());
      list.push_back(std::move(bound));
      if (direct) continue;

      const dnnl::reorder::primitive_desc reorder(builder.engine(), result.get_desc(), builder.engine(),
                                                  plain.get_desc(), PlanBuilder::attributes());
      BoundPrimitive unpack;
      unpack.primitive = dnnl::reorder(reorder);
      unpack.add(DNNL_ARG_FROM, result);
      unpack.add(DNNL_ARG_TO, plain);
      builder.addScratchpad(unpack, worker.thread, reorder.scratchpad_desc());
      list.push_back(std::move(unpack));
    }
  }

  void run(Worker& worker, const RunArguments& arguments) override {
    ConvolutionInstruction::run(worker, arguments);
    const AlignedBuffer& plain = plain_[static_cast<std::size_t>(worker.thread)];
    if (gradient_.single() && plain.bytes() == 0) return;
    const auto* sums = reinterpret_cast<const float*>(plain.data());
    gradient_.write(worker, false, [&](int first, int end, bool add) {
      // Without merged groups these are the rows as they stand.
      forRowsOfGroups(weights_, first, end, [&](std::size_t own, std::size_t merged, std::size_t count) {
        writeOrAdd(sums + merged, count, add, gradient_.of(worker) + own);
      });
    });
  }

 private:
  const WeightShape weights_;
  const SharedGradient gradient_;
  // The gradient of each thread, with the zeros between merged groups and the rows of padding channels; empty where the
  // primitive writes to the gradient's own place.
  std::vector<AlignedBuffer> plain_;
};

// oneDNN's convolution and then what a fused one does on the way.
class WithEpilogue : public Instruction {
 public:
  WithEpilogue(InstructionPtr convolution, const Activation& y, Epilogue epilogue)
      : convolution_(std::move(convolution)), y_(y), epilogue_(std::move(epilogue)) {}

  void run(Worker& worker, const RunArguments& arguments) override {
    convolution_->run(worker, arguments);
    if (epilogue_.statistics) storeStatistics(y_, worker, *epilogue_.statistics);
    if (!epilogue_.norm) return;
    const Activation* residual = epilogue_.residual ? &*epilogue_.residual : nullptr;
    applyFolded(y_, worker, *epilogue_.norm, residual, epilogue_.rectifier);
  }

 private:
  InstructionPtr convolution_;
  const Activation y_;
  Epilogue epilogue_;
};

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
  InstructionPtr convolution = std::make_unique<Forward>(x, y, geometry, training, builder);
  if (!epilogue.statistics && !epilogue.norm) return convolution;
  return std::make_unique<WithEpilogue>(std::move(convolution), y, std::move(epilogue));
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
  return std::make_unique<BackwardData>(dy, dx, geometry, epilogue.accumulate, builder);
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
  return std::make_unique<BackwardWeights>(x, dy, gradientOffset, geometry, builder);
}

}  // namespace one
