#include "kernels/convolution/any_layout.hpp"

#include <algorithm>

#include "kernels/convolution/shared_gradient.hpp"
#include "kernels/vector/planes.hpp"

namespace one {
namespace {

std::ptrdiff_t imageElements(const Activation& tensor) {
  return static_cast<std::ptrdiff_t>(tensor.channels) * tensor.pixels();
}

// Calls `body(element of the tensor, element of the plain image)` for each element of a sample.
template <class T, class Body>
void forEachElement(const Activation& tensor, T* sample, float* image, const Body& body) {
  for (int channel = 0; channel < tensor.channels; channel++) {
    T* plane = sample + channel / tensor.lanes * tensor.blockStride + channel % tensor.lanes;
    for (int pixel = 0; pixel < tensor.pixels(); pixel++) body(plane[pixel * tensor.pixelStride], *image++);
  }
}

// A worker's sample -> [C, H, W] f32.
void copyToImage(const Activation& tensor, const Worker& worker, int sample, float* image) {
  withElement(tensor.type, [&](auto element) {
    using T = decltype(element);
    forEachElement(tensor, worker.at<T>(tensor) + sample * tensor.sampleStride, image,
                   [](T from, float& to) { to = widen(from); });
  });
}

// The other way; `add` = to what lies there, once the image is rounded to the tensor's precision.
void copyFromImage(const Activation& tensor, const Worker& worker, int sample, bool add, float* image) {
  withElement(tensor.type, [&](auto element) {
    using T = decltype(element);
    forEachElement(tensor, worker.at<T>(tensor) + sample * tensor.sampleStride, image, [add](T& to, float from) {
      T stored;
      narrow(from, stored);
      narrow(add ? widen(stored) + widen(to) : widen(stored), to);
    });
  });
}

// Results first .. end - 1 of `count` whose pixel, `offset` from the result's place times the stride, lies within `pixels`.
struct Inside {
  int first;
  int end;
  Inside(int count, int offset, int stride, int pixels)
      : first(offset >= 0 ? 0 : (stride - 1 - offset) / stride),
        end(std::min(count, (pixels - offset + stride - 1) / stride)) {}
};

// Calls `body(first result of a row, its pixel, results of the row)` for the rows of a window that meet a tap within the image.
template <class Body>
void forEachRow(const Window& window, const Tap& tap, int height, int width, int resultWidth, const Body& body) {
  const int stride = window.inputStride;
  const Inside rows(window.height, tap.row, stride, height);
  const Inside columns(window.width, tap.column, stride, width);
  if (columns.first >= columns.end) return;
  for (int row = rows.first; row < rows.end; row++) {
    const int result = (window.top + row * window.resultStride) * resultWidth + window.left;
    body(result + columns.first * window.resultStride,
         (row * stride + tap.row) * width + columns.first * stride + tap.column, columns.end - columns.first);
  }
}

class AnyLayoutConvolution : public Instruction {
 public:
  AnyLayoutConvolution(const Activation& x, const Activation& y, const WeightShape& weights, const Kernel& kernel,
                       bool transposed, bool accumulate, PlanBuilder& builder)
      : x_(x),
        y_(y),
        weights_(weights),
        filters_(builder.state(weights.stateOffset)),
        transposed_(transposed),
        accumulate_(accumulate),
        windows_(transposed ? transposedWindows(y.height, y.width, kernel)
                            : std::vector<Window>{forwardWindow(y.height, y.width, kernel)}) {
    builder.reserveScratchFloats(imageElements(x) + imageElements(y));
  }

  void run(Worker& worker, const RunArguments&) override {
    float* x = worker.scratchFloats();
    float* y = x + imageElements(x_);
    for (int sample = 0; sample < worker.samples; sample++) {
      copyToImage(x_, worker, sample, x);
      std::fill(y, y + imageElements(y_), 0.0f);
      const int outs = weights_.out / weights_.groups;
      for (int out = 0; out < weights_.out; out++) {
        for (int in = 0; in < weights_.perGroup; in++) {
          const int fanIn = out / outs * weights_.perGroup + in;
          const int read = transposed_ ? out : fanIn;
          const int made = transposed_ ? fanIn : out;
          const float* filter = filters_ + (static_cast<std::ptrdiff_t>(out) * weights_.perGroup + in) * taps();
          addPlane(x + read * x_.pixels(), filter, y + made * y_.pixels());
        }
      }
      copyFromImage(y_, worker, sample, accumulate_, y);
    }
  }

 private:
  int taps() const { return weights_.kernelHeight * weights_.kernelWidth; }

  float asTaken(float filter) const {
    if (weights_.type == Type::f32) return filter;
    Bf16 rounded;
    narrow(filter, rounded);
    return widen(rounded);
  }

  void addPlane(const float* x, const float* filter, float* y) const {
    for (const Window& window : windows_) {
      for (const Tap& tap : window.taps) {
        const float factor = asTaken(filter[tap.filter]);
        forEachRow(window, tap, x_.height, x_.width, y_.width, [&](int result, int pixel, int count) {
          for (int place = 0; place < count; place++) {
            y[result + place * window.resultStride] += factor * x[pixel + place * window.inputStride];
          }
        });
      }
    }
  }

  const Activation x_;
  const Activation y_;
  const WeightShape weights_;
  const float* filters_;
  const bool transposed_;
  const bool accumulate_;
  const std::vector<Window> windows_;
};

class AnyLayoutBackwardWeights : public Instruction {
 public:
  AnyLayoutBackwardWeights(const Activation& x, const Activation& dy, const WeightShape& weights,
                           std::size_t gradientOffset, const Kernel& kernel, PlanBuilder& builder)
      : x_(x),
        dy_(dy),
        weights_(weights),
        window_(forwardWindow(dy.height, dy.width, kernel)),
        gradient_(gradientOffset, weights.out, weights.rowElements(), 1, builder) {
    builder.reserveScratchFloats(static_cast<std::ptrdiff_t>(weights.elements()) + imageElements(x) +
                                 imageElements(dy));
  }

  void run(Worker& worker, const RunArguments&) override {
    float* sums = worker.scratchFloats();
    float* x = sums + weights_.elements();
    float* dy = x + imageElements(x_);
    std::fill(sums, x, 0.0f);
    for (int sample = 0; sample < worker.samples; sample++) {
      copyToImage(x_, worker, sample, x);
      copyToImage(dy_, worker, sample, dy);
      float* sum = sums;
      for (int out = 0; out < weights_.out; out++) {
        const int firstIn = out / (weights_.out / weights_.groups) * weights_.perGroup;
        for (int in = 0; in < weights_.perGroup; in++) {
          for (const Tap& tap : window_.taps) {
            *sum++ += product(x + (firstIn + in) * x_.pixels(), dy + out * dy_.pixels(), tap);
          }
        }
      }
    }
    const std::size_t row = weights_.rowElements();
    gradient_.write(worker, false, [&](int first, int end, bool add) {
      const std::size_t count = static_cast<std::size_t>(end - first) * row;
      writeOrAdd(sums + static_cast<std::size_t>(first) * row, count, add, gradient_.row(worker, first));
    });
  }

 private:
  float product(const float* x, const float* dy, const Tap& tap) const {
    double sum = 0;
    forEachRow(window_, tap, x_.height, x_.width, dy_.width, [&](int result, int pixel, int count) {
      for (int place = 0; place < count; place++) {
        sum += static_cast<double>(dy[result + place]) * static_cast<double>(x[pixel + place * window_.inputStride]);
      }
    });
    return static_cast<float>(sum);
  }

  const Activation x_;
  const Activation dy_;
  const WeightShape weights_;
  const Window window_;
  const SharedGradient gradient_;
};

}  // namespace

InstructionPtr anyLayoutConvolution(const Activation& x, const Activation& y, const WeightShape& weights,
                                    const Kernel& kernel, bool transposed, bool accumulate, PlanBuilder& builder) {
  return std::make_unique<AnyLayoutConvolution>(x, y, weights, kernel, transposed, accumulate, builder);
}

InstructionPtr anyLayoutBackwardWeights(const Activation& x, const Activation& dy, const WeightShape& weights,
                                        std::size_t gradientOffset, const Kernel& kernel, PlanBuilder& builder) {
  return std::make_unique<AnyLayoutBackwardWeights>(x, dy, weights, gradientOffset, kernel, builder);
}

}  // namespace one
