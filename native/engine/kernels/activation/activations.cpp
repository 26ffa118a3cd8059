#include "kernels/activation/activations.hpp"

#include <initializer_list>

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

// x Phi(x) (Hendrycks and Gimpel, "Gaussian error linear units", 2016), with Phi by erf.
struct Gelu {
  static Vector value(Vector x) { return x * normalShare(x); }
  static Vector gradient(Vector x, Vector dy) {
    constexpr float kDensityAtZero = 0.3989422804f;  // 1 / sqrt(2 pi)
    const Vector density = exponential(x * x * Vector::fill(-0.5f)) * Vector::fill(kDensityAtZero);
    return dy * (normalShare(x) + x * density);
  }
  // (1 + erf(x / sqrt(2))) / 2
  static Vector normalShare(Vector x) {
    constexpr float kRootOfHalf = 0.7071067812f;
    return Vector::fill(0.5f) * (Vector::fill(1) + errorFunction(x * Vector::fill(kRootOfHalf)));
  }
  // To 5e-7: a quotient of polynomials (Eigen, generic_fast_erf_float). NaN stays NaN.
  static Vector errorFunction(Vector given) {
    const Vector bound = Vector::fill(4);
    const Vector upper{given.v > bound.v ? bound.v : given.v};
    const Vector x{upper.v < -bound.v ? -bound.v : upper.v};
    const Vector square = x * x;
    const auto polynomial = [&](std::initializer_list<float> coefficients) {
      Vector sum = Vector::fill(0);
      for (const float coefficient : coefficients) sum = sum * square + Vector::fill(coefficient);
      return sum;
    };
    const Vector numerator =
        polynomial({-2.72614225801306e-10f, 2.77068142495902e-8f, -2.10102402082508e-6f, -5.69250639462346e-5f,
                    -7.34990630326855e-4f, -2.95459980854025e-3f, -1.60960333262415e-2f});
    const Vector denominator = polynomial({-1.45660718464996e-5f, -2.13374055278905e-4f, -1.68282697438203e-3f,
                                           -7.37332916720468e-3f, -1.42647390514189e-2f});
    return x * numerator / denominator;
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
      {"gelu", make<Activate<Gelu>>},
      {"geluGrad", make<ActivationGradient<Gelu>>},
  };
}

}  // namespace one
