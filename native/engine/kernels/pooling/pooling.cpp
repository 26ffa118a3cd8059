#include "kernels/pooling/pooling.hpp"

#include <algorithm>
#include <vector>

#include "kernels/vector/planes.hpp"

namespace one {
namespace {

// Places [first, end) of one direction.
struct Range {
  int first;
  int end;
};

struct Windows {
  int kernel = 1;
  int stride = 1;
  int padding = 0;

  explicit Windows(WordReader& words) : kernel(words.integer()), stride(words.integer()), padding(words.integer()) {}

  // Pixels of one direction that window `place` sees.
  Range seenBy(int place, int pixels) const {
    const int first = place * stride - padding;
    return {std::max(first, 0), std::min(first + kernel, pixels)};
  }

  // Windows that see a pixel.
  Range seeing(int pixel, int windows) const {
    const int reach = pixel + padding;
    const int first = reach < kernel ? 0 : (reach - kernel) / stride + 1;
    return {first, std::min(reach / stride + 1, windows)};
  }
};

// Calls `body(row * width + column)` for each place, row by row.
template <class Body>
void forRange(Range rows, Range columns, int width, const Body& body) {
  for (int row = rows.first; row < rows.end; row++) {
    for (int column = columns.first; column < columns.end; column++) body(row * width + column);
  }
}

template <int L, class T>
Lanes<L> largestOf(const T* plane, std::ptrdiff_t pixelStride, Range rows, Range columns, int width) {
  auto most = Lanes<L>::load(plane + (rows.first * width + columns.first) * pixelStride);
  forRange(rows, columns, width,
           [&](int pixel) { most = Lanes<L>::larger(most, Lanes<L>::load(plane + pixel * pixelStride)); });
  return most;
}

// First element of the plane of a sample and of the lane block that begins at a channel.
template <class T>
T* planeOf(const Activation& tensor, const Worker& worker, int sample, int channel) {
  return worker.at<T>(tensor) + sample * tensor.sampleStride +
         static_cast<std::ptrdiff_t>(channel / tensor.lanes) * tensor.blockStride;
}

// Calls `body(sample, first channel)` for each plane of the worker's samples; operands have the same channels and layout.
template <class Body>
void forPlanes(const Activation& tensor, const Worker& worker, const Body& body) {
  for (int sample = 0; sample < worker.samples; sample++) {
    for (int block = 0; block < tensor.blocks; block++) body(sample, block * tensor.lanes);
  }
}

class MaxPool : public Instruction {
 public:
  MaxPool(WordReader& words, PlanBuilder& builder)
      : x_(builder.tensor(words)), y_(builder.tensor(words)), windows_(words) {}

  void run(Worker& worker, const RunArguments&) override {
    dispatch(x_, [&](auto element, auto lanes) { runAs<decltype(element), decltype(lanes)::value>(worker); });
  }

 private:
  template <class T, int L>
  void runAs(const Worker& worker) const {
    forPlanes(x_, worker, [&](int sample, int channel) {
      const T* x = planeOf<T>(x_, worker, sample, channel);
      T* y = planeOf<T>(y_, worker, sample, channel);
      for (int row = 0; row < y_.height; row++) {
        const Range rows = windows_.seenBy(row, x_.height);
        for (int column = 0; column < y_.width; column++) {
          const Range columns = windows_.seenBy(column, x_.width);
          largestOf<L>(x, x_.pixelStride, rows, columns, x_.width).store(y);
          y += y_.pixelStride;
        }
      }
    });
  }

  const Activation x_;
  const Activation y_;
  const Windows windows_;
};

// Each dy goes to the first of its window's largest elements, row by row. Where windows overlap the sums are f32.
class MaxPoolGrad : public Instruction {
 public:
  MaxPoolGrad(WordReader& words, PlanBuilder& builder)
      : dy_(builder.tensor(words)), x_(builder.tensor(words)), dx_(builder.tensor(words)), windows_(words) {
    sums_.resize(builder.workers().size(), std::vector<float>(static_cast<std::size_t>(x_.pixels() * x_.lanes)));
  }

  void run(Worker& worker, const RunArguments&) override {
    dispatch(x_, [&](auto element, auto lanes) { runAs<decltype(element), decltype(lanes)::value>(worker); });
  }

 private:
  template <class T, int L>
  void runAs(const Worker& worker) {
    std::vector<float>& sums = sums_[static_cast<std::size_t>(worker.thread)];
    forPlanes(x_, worker, [&](int sample, int channel) {
      std::fill(sums.begin(), sums.end(), 0.0f);
      addPlane<T, L>(planeOf<T>(dy_, worker, sample, channel), planeOf<T>(x_, worker, sample, channel), sums.data());
      T* dx = planeOf<T>(dx_, worker, sample, channel);
      for (int pixel = 0; pixel < x_.pixels(); pixel++) {
        Lanes<L>::load(sums.data() + pixel * L).store(dx + pixel * dx_.pixelStride);
      }
    });
  }

  template <class T, int L>
  void addPlane(const T* dy, const T* x, float* sums) const {
    const auto zero = Lanes<L>::fill(0);
    for (int row = 0; row < dy_.height; row++) {
      const Range rows = windows_.seenBy(row, x_.height);
      for (int column = 0; column < dy_.width; column++) {
        const Range columns = windows_.seenBy(column, x_.width);
        const auto most = largestOf<L>(x, x_.pixelStride, rows, columns, x_.width);
        // What no element has taken yet.
        auto left = Lanes<L>::load(dy);
        forRange(rows, columns, x_.width, [&](int pixel) {
          const auto element = Lanes<L>::load(x + pixel * x_.pixelStride);
          const auto share = Lanes<L>::whereEqual(element, most, left, zero);
          left = Lanes<L>::whereEqual(element, most, zero, left);
          (Lanes<L>::load(sums + pixel * L) + share).store(sums + pixel * L);
        });
        dy += dy_.pixelStride;
      }
    }
  }

  const Activation dy_;
  const Activation x_;
  const Activation dx_;
  const Windows windows_;
  // A plane of f32 for each thread.
  std::vector<std::vector<float>> sums_;
};

// y = factor * sum of the elements of x that belong to each place of y, which `ranges` tells. The mean of windows, and its
// gradient, where an element gets its share of every window that sees it.
class ScaledSums : public Instruction {
 public:
  ScaledSums(const Activation& x, const Activation& y, std::vector<Range> rows, std::vector<Range> columns,
             float factor)
      : x_(x), y_(y), rows_(std::move(rows)), columns_(std::move(columns)), factor_(factor) {}

  void run(Worker& worker, const RunArguments&) override {
    dispatch(x_, [&](auto element, auto lanes) { runAs<decltype(element), decltype(lanes)::value>(worker); });
  }

 private:
  template <class T, int L>
  void runAs(const Worker& worker) const {
    const auto factor = Lanes<L>::fill(factor_);
    forPlanes(x_, worker, [&](int sample, int channel) {
      const T* x = planeOf<T>(x_, worker, sample, channel);
      T* y = planeOf<T>(y_, worker, sample, channel);
      for (const Range rows : rows_) {
        for (const Range columns : columns_) {
          auto sum = Lanes<L>::fill(0);
          forRange(rows, columns, x_.width, [&](int pixel) { sum += Lanes<L>::load(x + pixel * x_.pixelStride); });
          (sum * factor).store(y);
          y += y_.pixelStride;
        }
      }
    });
  }

  const Activation x_;
  const Activation y_;
  const std::vector<Range> rows_;
  const std::vector<Range> columns_;
  const float factor_;
};

// One range for each of `places`.
template <class Find>
std::vector<Range> rangesOf(int places, const Find& find) {
  std::vector<Range> ranges;
  for (int place = 0; place < places; place++) ranges.push_back(find(place));
  return ranges;
}

float shareOf(const Windows& windows) { return 1.0f / static_cast<float>(windows.kernel * windows.kernel); }

InstructionPtr averagePool(WordReader& words, PlanBuilder& builder) {
  const Activation& x = builder.tensor(words);
  const Activation& y = builder.tensor(words);
  const Windows windows(words);
  return std::make_unique<ScaledSums>(
      x, y, rangesOf(y.height, [&](int place) { return windows.seenBy(place, x.height); }),
      rangesOf(y.width, [&](int place) { return windows.seenBy(place, x.width); }), shareOf(windows));
}
InstructionPtr averagePoolGrad(WordReader& words, PlanBuilder& builder) {
  const Activation& dy = builder.tensor(words);
  const Activation& dx = builder.tensor(words);
  const Windows windows(words);
  return std::make_unique<ScaledSums>(
      dy, dx, rangesOf(dx.height, [&](int pixel) { return windows.seeing(pixel, dy.height); }),
      rangesOf(dx.width, [&](int pixel) { return windows.seeing(pixel, dy.width); }), shareOf(windows));
}

}  // namespace

InstructionTable poolingInstructions() {
  return {
      {"maxPool", make<MaxPool>},
      {"maxPoolGrad", make<MaxPoolGrad>},
      {"averagePool", averagePool},
      {"averagePoolGrad", averagePoolGrad},
  };
}

}  // namespace one
