#include "kernels/onednn/onednn_convolution.hpp"

#if defined(ONE_WITHOUT_ONEDNN)

namespace one::onednn {

InstructionPtr convolutionForward(const Activation&, const Activation&, const WeightShape&, const Kernel&, bool,
                                  PlanBuilder&) {
  return nullptr;
}
InstructionPtr convolutionBackwardData(const Activation&, const Activation&, const WeightShape&, const Kernel&, bool,
                                       PlanBuilder&) {
  return nullptr;
}
InstructionPtr convolutionBackwardWeights(const Activation&, const Activation&, const WeightShape&, std::size_t,
                                          const Kernel&, PlanBuilder&) {
  return nullptr;
}

}  // namespace one::onednn

#else

#include "kernels/convolution/group_merge.hpp"
#include "kernels/convolution/shared_gradient.hpp"
#include "kernels/elementwise/elementwise.hpp"
#include "kernels/onednn/onednn.hpp"

namespace one::onednn {
namespace {

dnnl::memory::dims strides(const Kernel& kernel) { return {kernel.stride, kernel.stride}; }
// Equal on all sides; oneDNN rounds the output's size down as PyTorch does.
dnnl::memory::dims paddings(const Kernel& kernel) { return {kernel.padding, kernel.padding}; }

dnnl::convolution_forward::primitive_desc forwardDesc(const Library& library, const WeightShape& weights,
                                                      const Kernel& kernel, const Activation& x, const Activation& y,
                                                      int samples, bool training) {
  const auto kind = training ? dnnl::prop_kind::forward_training : dnnl::prop_kind::forward_inference;
  return {library.engine(),
          kind,
          dnnl::algorithm::convolution_direct,
          describe(x, samples),
          anyOf(weights, typeOf(weights.type)),
          describe(y, samples),
          strides(kernel),
          paddings(kernel),
          paddings(kernel),
          attributes()};
}

// One primitive a thread; threads with equally many samples share its code.
class ConvolutionInstruction : public Instruction {
 public:
  explicit ConvolutionInstruction(const Library& library) : library_(library) {}

  void run(Worker& worker, const RunArguments&) override {
    for (const BoundPrimitive& bound : bound_[static_cast<std::size_t>(worker.thread)]) {
      bound.execute(library_.stream(worker));
    }
  }

 protected:
  const Library& library_;
  std::vector<std::vector<BoundPrimitive> > bound_;
};

class Forward : public ConvolutionInstruction {
 public:
  Forward(const Activation& x, const Activation& y, const WeightShape& weights, const Kernel& kernel, bool training,
          PlanBuilder& builder)
      : ConvolutionInstruction(builder.part<Library>()) {
    auto& library = builder.part<Library>();
    for (const Worker& worker : builder.workers()) {
      auto& list = bound_.emplace_back();
      if (worker.samples == 0) continue;
      const auto desc = forwardDesc(library, weights, kernel, x, y, worker.samples, training);
      BoundPrimitive bound;
      bound.primitive = dnnl::convolution_forward(desc);
      bound.add(DNNL_ARG_SRC, library.slice(worker, x));
      bound.add(DNNL_ARG_WEIGHTS, library.weightCopy(weights, builder.state(weights.stateOffset), desc.weights_desc()));
      bound.add(DNNL_ARG_DST, library.slice(worker, y));
      library.addScratchpad(bound, worker.thread, desc.scratchpad_desc());
      list.push_back(std::move(bound));
    }
  }
};

class BackwardData : public ConvolutionInstruction {
 public:
  BackwardData(const Activation& dy, const Activation& dx, const WeightShape& weights, const Kernel& kernel,
               bool accumulate, PlanBuilder& builder)
      : ConvolutionInstruction(builder.part<Library>()), dx_(dx) {
    auto& library = builder.part<Library>();
    for (const Worker& worker : builder.workers()) {
      auto& list = bound_.emplace_back();
      if (worker.samples == 0) continue;
      const int samples = worker.samples;
      const auto hint = forwardDesc(library, weights, kernel, dx, dy, samples, true);
      const dnnl::convolution_backward_data::primitive_desc desc(
          library.engine(), dnnl::algorithm::convolution_direct, describe(dx, samples),
          anyOf(weights, typeOf(weights.type)), describe(dy, samples), strides(kernel), paddings(kernel),
          paddings(kernel), hint, attributes());
      BoundPrimitive bound;
      bound.primitive = dnnl::convolution_backward_data(desc);
      bound.add(DNNL_ARG_DIFF_DST, library.slice(worker, dy));
      bound.add(DNNL_ARG_WEIGHTS, library.weightCopy(weights, builder.state(weights.stateOffset), desc.weights_desc()));
      const dnnl::memory result =
          accumulate ? library.transient(worker.thread, describe(dx, samples)) : library.slice(worker, dx);
      if (accumulate) results_.push_back({worker.thread, result});
      bound.add(DNNL_ARG_DIFF_SRC, result);
      library.addScratchpad(bound, worker.thread, desc.scratchpad_desc());
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
  BackwardWeights(const Activation& x, const Activation& ownDy, std::size_t gradientOffset, const WeightShape& own,
                  const Kernel& kernel, PlanBuilder& builder)
      : ConvolutionInstruction(builder.part<Library>()),
        weights_(own),
        gradient_(gradientOffset, weights_.out, weights_.rowElements(), 1, builder) {
    auto& library = builder.part<Library>();
    const Activation dy = weights_.groups == 1 ? withWholeBlocks(x, ownDy) : ownDy;
    WeightShape weights = own;
    weights.out = dy.channels;
    const std::size_t elements = weights.mergedElements();
    for (const Worker& worker : builder.workers()) {
      auto& list = bound_.emplace_back();
      const bool inPlace = gradient_.single() && elements == weights_.elements();
      plain_.emplace_back(inPlace ? 0 : elements * sizeof(float));
      float* gradient = inPlace ? gradient_.of(worker) : reinterpret_cast<float*>(plain_.back().data());
      if (worker.samples == 0) continue;
      const int samples = worker.samples;
      const auto hint = forwardDesc(library, weights, kernel, x, dy, samples, true);
      const dnnl::convolution_backward_weights::primitive_desc desc(
          library.engine(), dnnl::algorithm::convolution_direct, describe(x, samples),
          anyOf(weights, dnnl::memory::data_type::f32), describe(dy, samples), strides(kernel), paddings(kernel),
          paddings(kernel), hint, attributes());
      const dnnl::memory plain(plainOf(weights), library.engine(), gradient);
      const bool direct = desc.diff_weights_desc() == plain.get_desc();
      const dnnl::memory result = direct ? plain : library.transient(worker.thread, desc.diff_weights_desc());

      BoundPrimitive bound;
      bound.primitive = dnnl::convolution_backward_weights(desc);
      bound.add(DNNL_ARG_SRC, library.slice(worker, x));
      bound.add(DNNL_ARG_DIFF_DST, library.slice(worker, dy));
      bound.add(DNNL_ARG_DIFF_WEIGHTS, result);
      library.addScratchpad(bound, worker.thread, desc.scratchpad_desc());
      list.push_back(std::move(bound));
      if (direct) continue;

      const dnnl::reorder::primitive_desc reorder(library.engine(), result.get_desc(), library.engine(),
                                                  plain.get_desc(), attributes());
      BoundPrimitive unpack;
      unpack.primitive = dnnl::reorder(reorder);
      unpack.add(DNNL_ARG_FROM, result);
      unpack.add(DNNL_ARG_TO, plain);
      library.addScratchpad(unpack, worker.thread, reorder.scratchpad_desc());
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

// Null where oneDNN has no kernel, such as for bf16 without AVX-512.
template <class Make>
InstructionPtr orNull(const Make& make) {
  try {
    return make();
  } catch (const dnnl::error& error) {
    if (error.status == dnnl_unimplemented) return nullptr;
    throw;
  }
}

}  // namespace

InstructionPtr convolutionForward(const Activation& x, const Activation& y, const WeightShape& weights,
                                  const Kernel& kernel, bool training, PlanBuilder& builder) {
  return orNull([&] { return std::make_unique<Forward>(x, y, weights, kernel, training, builder); });
}

InstructionPtr convolutionBackwardData(const Activation& dy, const Activation& dx, const WeightShape& weights,
                                       const Kernel& kernel, bool accumulate, PlanBuilder& builder) {
  return orNull([&] { return std::make_unique<BackwardData>(dy, dx, weights, kernel, accumulate, builder); });
}

InstructionPtr convolutionBackwardWeights(const Activation& x, const Activation& dy, const WeightShape& weights,
                                          std::size_t gradientOffset, const Kernel& kernel, PlanBuilder& builder) {
  return orNull([&] { return std::make_unique<BackwardWeights>(x, dy, gradientOffset, weights, kernel, builder); });
}

}  // namespace one::onednn

#endif
