#include "kernels/activation/activations.hpp"

#include "kernels/activation/exponential.hpp"
#include "kernels/vector/planes.hpp"
#include "kernels/vector/rectifier.hpp"

namespace one {
namespace {

using Vector = RegisterLanes;

// A function gives y from x, and dx from dy and its source: y for rectifiers, else x. All are 0 at 0, so that padding stays 0.
template <Rectifier kRectifier>
struct Rectify {
  static Vector value(Vector x) { return rectified<kRectifier>(x); }
  static Vector gradient(Vector y, Vector dy) { return rectifiedGradient<kRectifier>(y, dy); }
};

// x sigmoid(x) (Elfwing, Uchibe and Doya, "Sigmoid-weighted linear units", 2017).
struct Silu {
  static Vector value(Vector x) { return x * sigmoid(x); }
  static Vector gradient(Vector x, Vector dy) {
    const Vector one = Vector::fill(1);
    const Vector s = sigmoid(x);
    return dy * s * (one + x * (one - s));
  }
  static Vector sigmoid(Vector x) {
    const Vector one = Vector::fill(1);
    return one / (one + exponential(Vector::fill(0) - x));
  }
};

// y = function(operands...) over whole slices, padding included; y may be one of the operands.
template <class T, class Function, class... Operands>
void mapSlice(std::ptrdiff_t count, const Function& function, T* y, const Operands*... operands) {
  constexpr int kLanes = kRegisterLanes;
  std::ptrdiff_t at = 0;
  for (; at + kLanes <= count; at += kLanes) function(Vector::load(operands + at)...).store(y + at);
  if (at == count) return;
  const auto rest = static_cast<std::size_t>(count - at) * sizeof(T);
  const auto padded = [&](const T* from) {
    T lanes[kLanes] = {};
    std::memcpy(lanes, from + at, rest);
    return Vector::load(lanes);
  };
  T lanes[kLanes];
  function(padded(operands)...).store(lanes);
  std::memcpy(y + at, lanes, rest);
}

template <class Function>
class Activate : public Instruction {
 public:
  Activate(WordReader& words, PlanBuilder& builder) : x_(builder.tensor(words)), y_(builder.tensor(words)) {}

  void run(Worker& worker, const RunArguments&) override {
    withElement(y_.type, [&](auto element) {
      using T = decltype(element);
      mapSlice<T>(y_.sampleStride * worker.samples, Function::value, worker.at<T>(y_), worker.at<T>(x_));
    });
  }

 private:
  const Activation x_;
  const Activation y_;
};

template <class Function>
class ActivationGradient : public Instruction {
 public:
  ActivationGradient(WordReader& words, PlanBuilder& builder)
      : dy_(builder.tensor(words)), source_(builder.tensor(words)), dx_(builder.tensor(words)) {}

  void run(Worker& worker, const RunArguments&) override {
    withElement(dx_.type, [&](auto element) {
      using T = decltype(element);
      mapSlice<T>(dx_.sampleStride * worker.samples, Function::gradient, worker.at<T>(dx_), worker.at<T>(source_),
                  worker.at<T>(dy_));
    });
  }

 private:
  const Activation dy_;
  const Activation source_;
  const Activation dx_;
};

}  // namespace

InstructionTable activationInstructions() {
  return {
      {"relu", make<Activate<Rectify<Rectifier::relu>>>},
      {"reluGrad", make<ActivationGradient<Rectify<Rectifier::relu>>>},
      {"relu6", make<Activate<Rectify<Rectifier::relu6>>>},
      {"relu6Grad", make<ActivationGradient<Rectify<Rectifier::relu6>>>},
      {"silu", make<Activate<Silu>>},
      {"siluGrad", make<ActivationGradient<Silu>>},
  };
}

}  // namespace one
