#include "kernels/pooling/global_average_pool.hpp"

#include "kernels/vector/lanes.hpp"
#include "kernels/vector/planes.hpp"

namespace one {
namespace {

// Calls `body(sample, channel block, first element)` for each plane, lanes as the tensor has them.
template <class T, int L, class Body>
void forPlanes(const Activation& x, const Worker& worker, const Body& body) {
  T* data = worker.at<T>(x);
  for (int sample = 0; sample < worker.samples; sample++) {
    for (int block = 0; block < x.blocks; block++) {
      body(sample, block * L, data + sample * x.sampleStride + block * x.blockStride);
    }
  }
}

// [B, C, H, W] -> mean over H and W, f32 [B, C].
class GlobalAveragePool : public Instruction {
 public:
  GlobalAveragePool(WordReader& words, PlanBuilder& builder) : x_(builder.tensor(words)), y_(builder.tensor(words)) {}

  void run(Worker& worker, const RunArguments&) override {
    dispatch(x_, [&](auto element, auto lanes) { runAs<decltype(element), decltype(lanes)::value>(worker); });
  }

 private:
  template <class T, int L>
  void runAs(const Worker& worker) const {
    float* y = worker.at<float>(y_);
    const float share = 1.0f / static_cast<float>(x_.pixels());
    forPlanes<T, L>(x_, worker, [&](int sample, int channel, const T* plane) {
      auto sum = Lanes<L>::fill(0);
      for (int pixel = 0; pixel < x_.pixels(); pixel++) sum += Lanes<L>::load(plane + pixel * x_.pixelStride);
      float lanes[L];
      (sum * Lanes<L>::fill(share)).store(lanes);
      for (int lane = 0; lane < L && channel + lane < x_.channels; lane++) {
        y[sample * x_.channels + channel + lane] = lanes[lane];
      }
    });
  }

  const Activation x_;
  const Activation y_;
};

// dy f32 [B, C] -> dy / (H W) at every pixel.
class GlobalAveragePoolGrad : public Instruction {
 public:
  GlobalAveragePoolGrad(WordReader& words, PlanBuilder& builder)
      : dy_(builder.tensor(words)), dx_(builder.tensor(words)) {}

  void run(Worker& worker, const RunArguments&) override {
    dispatch(dx_, [&](auto element, auto lanes) { runAs<decltype(element), decltype(lanes)::value>(worker); });
  }

 private:
  template <class T, int L>
  void runAs(const Worker& worker) const {
    const float* dy = worker.at<float>(dy_);
    const float share = 1.0f / static_cast<float>(dx_.pixels());
    forPlanes<T, L>(dx_, worker, [&](int sample, int channel, T* plane) {
      float lanes[L] = {};
      for (int lane = 0; lane < L && channel + lane < dx_.channels; lane++) {
        lanes[lane] = dy[sample * dx_.channels + channel + lane] * share;
      }
      const auto value = Lanes<L>::load(lanes);
      for (int pixel = 0; pixel < dx_.pixels(); pixel++) value.store(plane + pixel * dx_.pixelStride);
    });
  }

  const Activation dy_;
  const Activation dx_;
};

}  // namespace

InstructionTable globalAveragePoolInstructions() {
  return {{"globalAveragePool", make<GlobalAveragePool>}, {"globalAveragePoolGrad", make<GlobalAveragePoolGrad>}};
}

}  // namespace one
