#include "convolution.hpp"

#include "winograd.hpp"

namespace one {
namespace {

struct Geometry {
  WeightShape weights;
  int stride = 1;
  int padding = 0;

  dnnl::memory::dims strides() const { return {stride, stride}; }
  // Equal on all sides; oneDNN rounds the output's size down as PyTorch does.
  dnnl::memory::dims paddings() const { return {padding, padding}; }
};

Geometry readGeometry(WordReader& words) {
  Geometry geometry;
  WeightShape& weights = geometry.weights;
  weights.stateOffset = words.size();
  weights.groups = words.integer();
  weights.out = words.integer();
  weights.perGroup = words.integer();
  weights.kernelHeight = words.integer();
  weights.kernelWidth = words.integer();
  weights.type = words.integer() == 0 ? Type::f32 : Type::bf16;
  geometry.stride = words.integer();
  geometry.padding = words.integer();
  return geometry;
}

dnnl::convolution_forward::primitive_desc forwardDesc(const PlanBuilder& builder, const Geometry& geometry,
                                                      const Activation& x, const Activation& y, int samples,
                                                      bool training) {
  const auto kind = training ? dnnl::prop_kind::forward_training : dnnl::prop_kind::forward_inference;
  return {builder.engine(),         kind, dnnl::algorithm::convolution_direct, x.desc(samples),
          geometry.weights.any(dnnlType(geometry.weights.type)), y.desc(samples), geometry.strides(),
          geometry.paddings(), geometry.paddings(), PlanBuilder::attributes()};
}

bool winogradServes(const PlanBuilder& builder, const Activation& x, const Activation& y, const Geometry& geometry) {
  return builder.winograd() && winogradFits(x, y, geometry.weights, geometry.stride, geometry.padding);
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
  BackwardData(const Activation& dy, const Activation& dx, const Geometry& geometry, PlanBuilder& builder) {
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
      bound.add(DNNL_ARG_DIFF_SRC, slice(builder, worker, dx));
      builder.addScratchpad(bound, worker.thread, desc.scratchpad_desc());
      list.push_back(std::move(bound));
    }
  }
};

// dW of the thread's samples, brought from the primitive's layout into the gradient's plain one.
class BackwardWeights : public ConvolutionInstruction {
 public:
  BackwardWeights(const Activation& x, const Activation& dy, std::size_t gradientOffset, const Geometry& geometry,
                  PlanBuilder& builder) {
    for (const Worker& worker : builder.workers()) {
      auto& list = bound_.emplace_back();
      float* gradient = worker.gradients + gradientOffset;
      if (worker.samples == 0) continue;  // its share stays zero
      const int samples = worker.samples;
      const auto hint = forwardDesc(builder, geometry, x, dy, samples, true);
      const dnnl::convolution_backward_weights::primitive_desc desc(
          builder.engine(), dnnl::algorithm::convolution_direct, x.desc(samples),
          geometry.weights.any(dnnl::memory::data_type::f32), dy.desc(samples), geometry.strides(),
          geometry.paddings(), geometry.paddings(), hint, PlanBuilder::attributes());
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
};

}  // namespace

InstructionPtr convolutionForward(WordReader& words, PlanBuilder& builder) {
  const Activation& x = builder.tensor(words);
  const Activation& y = builder.tensor(words);
  const Geometry geometry = readGeometry(words);
  const bool training = words.integer() != 0;
  if (winogradServes(builder, x, y, geometry)) return winogradConvolution(x, y, geometry.weights, false, builder);
  return std::make_unique<Forward>(x, y, geometry, training, builder);
}

InstructionPtr convolutionBackwardData(WordReader& words, PlanBuilder& builder) {
  const Activation& dy = builder.tensor(words);
  const Activation& dx = builder.tensor(words);
  const Geometry geometry = readGeometry(words);
  if (winogradServes(builder, dx, dy, geometry)) return winogradConvolution(dy, dx, geometry.weights, true, builder);
  return std::make_unique<BackwardData>(dy, dx, geometry, builder);
}

InstructionPtr convolutionBackwardWeights(WordReader& words, PlanBuilder& builder) {
  const Activation& x = builder.tensor(words);
  const Activation& dy = builder.tensor(words);
  const std::size_t gradientOffset = words.size();
  Geometry geometry = readGeometry(words);
  geometry.weights.type = x.type;
  if (winogradServes(builder, x, dy, geometry)) return winogradBackwardWeights(x, dy, gradientOffset, builder);
  return std::make_unique<BackwardWeights>(x, dy, gradientOffset, geometry, builder);
}

}  // namespace one
