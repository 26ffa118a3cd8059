// How our own convolutions write their results, sixteen channels of a pixel at a time, and what they do on the way.
#pragma once
#include <algorithm>
#include <stdexcept>
#include <type_traits>
#include <vector>

#include "kernels/convolution/epilogue.hpp"
#include "kernels/vector/lanes.hpp"

namespace one {

class ConvolutionResults {
 public:
  static constexpr int kBlock = 16;
  using Vector = Lanes<kBlock>;

  ConvolutionResults(const Activation& y, Epilogue epilogue, int threads) : y_(y), epilogue_(std::move(epilogue)) {
    const bool summing = epilogue_.statistics || epilogue_.gradientSums;
    for (int thread = 0; thread < threads; thread++) sums_.emplace_back(summing ? y_.blocks : 0);
    if (epilogue_.gradientSums && !epilogue_.gradientSums->norm.x().samplesLieAs(y_)) {
      throw std::runtime_error("Expected a batch norm's x whose samples lie in memory as its dy's");
    }
  }

  // Before a worker's first result of a run.
  void begin(const Worker& worker) {
    if (epilogue_.norm) epilogue_.norm->fold(worker);
    if (epilogue_.gradientSums) epilogue_.gradientSums->norm.prepare(worker);
    if (const StatisticsRegion* region = regionOf()) {
      double* first = region->of(worker.thread);
      for (double* sums : {first, first + region->distance()}) std::fill(sums, sums + y_.paddedChannels(), 0.0);
    }
    std::fill(sumsOf(worker).begun.begin(), sumsOf(worker).begun.end(), false);
  }

  // Writes a chunk: calls `body(open)`, where `open(sample, block, first)` gives the place for a channel block of a sample,
  // `first()` being any one of its results; the place takes results by `place(result, elements from the plane's
  // begin)` and is closed by `place.close()`.
  template <class T, class Body>
  void write(const Worker& worker, const Body& body) {
    T* y = worker.at<T>(y_);
    const auto plane = [this](int sample, int block) { return sample * y_.sampleStride + block * y_.blockStride; };
    Sums& sums = sumsOf(worker);
    if (epilogue_.statistics) {
      body([&](int sample, int block, const auto& first) {
        if (!sums.begun[static_cast<std::size_t>(block)]) asStored<T>(first()).store(sums.shift(block));
        sums.begun[static_cast<std::size_t>(block)] = true;
        return Measured<T>{y + plane(sample, block), Vector::load(sums.shift(block)), sums.open(block)};
      });
    } else if (epilogue_.gradientSums) {
      const BatchNormBackwardInput& norm = epilogue_.gradientSums->norm;
      norm.withMask([&](auto mask) {
        using Mask = decltype(mask);
        const auto open = [&](auto accumulate) {
          body([&](int sample, int block, const auto&) {
            return Gradients<T, Mask, decltype(accumulate)::value>{
                y, plane(sample, block), norm.plane<T, kBlock, Mask>(worker, y_, sample, block * kBlock),
                sums.open(block)};
          });
        };
        epilogue_.accumulate ? open(std::true_type{}) : open(std::false_type{});
      });
    } else if (epilogue_.norm) {
      const T* residual = epilogue_.residual ? worker.at<T>(*epilogue_.residual) : nullptr;
      body([&](int sample, int block, const auto&) {
        const std::ptrdiff_t begin = plane(sample, block);
        return Normed<T>{y + begin, residual == nullptr ? nullptr : residual + begin, epilogue_.rectifier,
                         Vector::load(epilogue_.norm->factor(worker) + block * kBlock),
                         Vector::load(epilogue_.norm->offset(worker) + block * kBlock)};
      });
    } else if (epilogue_.accumulate) {
      body([&](int sample, int block, const auto&) { return Added<T>{y + plane(sample, block)}; });
    } else {
      body([&](int sample, int block, const auto&) { return Stored<T>{y + plane(sample, block)}; });
    }
    if (const StatisticsRegion* region = regionOf()) sums.flush(region->of(worker.thread), region->distance());
  }

  // After a worker's last result of a run.
  void end(const Worker& worker) const {
    if (!epilogue_.statistics) return;
    const double count = static_cast<double>(worker.samples) * y_.pixels();
    sumsOf(worker).finish(epilogue_.statistics->of(worker.thread), epilogue_.statistics->distance(), count);
  }

 private:
  // The value that a store and a load would give: what follows must not depend on whether it is fused.
  template <class T>
  static Vector asStored(Vector value) {
    if constexpr (std::is_same_v<T, Bf16>) return value.rounded();
    return value;
  }

  // Two sums of a channel block, kept in registers while a place is open.
  struct Pair {
    float* sums;
    float* products;
    Vector sum;
    Vector product;
    void close() const {
      sum.store(sums);
      product.store(products);
    }
  };

  // Two sums of a chunk's results in f32 lanes, of its thread's in doubles. For statistics: distances, taken from each
  // channel's first result as in storeStatistics, and their squares; for batch norm's gradient: dy' and dy' (x - mean).
  struct Sums {
    std::vector<char> begun;
    std::vector<float> shifts;
    std::vector<float> sums;
    std::vector<float> products;
    explicit Sums(int blocks)
        : begun(static_cast<std::size_t>(blocks)),
          shifts(begun.size() * kBlock),
          sums(shifts.size()),
          products(shifts.size()) {}

    float* shift(int block) { return shifts.data() + block * kBlock; }
    Pair open(int block) {
      float* sum = sums.data() + block * kBlock;
      float* product = products.data() + block * kBlock;
      return {sum, product, Vector::load(sum), Vector::load(product)};
    }
    // Moves the lanes into the doubles.
    void flush(double* region, std::size_t distance) {
      const std::size_t channels = sums.size();
      for (std::size_t c = 0; c < channels; c++) {
        region[c] += static_cast<double>(sums[c]);
        region[distance + c] += static_cast<double>(products[c]);
        sums[c] = products[c] = 0.0f;
      }
    }
    // Turns sums and squares of distances into mean and squared distances from it.
    void finish(double* region, std::size_t distance, double count) const {
      const std::size_t channels = sums.size();
      for (std::size_t c = 0; c < channels; c++) {
        region[distance + c] -= region[c] * region[c] / count;
        region[c] = static_cast<double>(shifts[c]) + region[c] / count;
      }
    }
  };

  template <class T>
  struct Stored {
    T* plane;
    void operator()(Vector value, std::ptrdiff_t at) const { value.store(plane + at); }
    void close() const {}
  };

  template <class T>
  struct Added {
    T* plane;
    void operator()(Vector value, std::ptrdiff_t at) const {
      (asStored<T>(value) + Vector::load(plane + at)).store(plane + at);
    }
    void close() const {}
  };

  template <class T>
  struct Normed {
    T* plane;
    const T* residual;
    Rectifier rectifier;
    Vector factor;
    Vector offset;
    void operator()(Vector value, std::ptrdiff_t at) const {
      Vector result = asStored<T>(value) * factor + offset;
      if (residual != nullptr) result += Vector::load(residual + at);
      if (rectifier != Rectifier::none) result = result.rectified();
      if (rectifier == Rectifier::relu6) result = rectified<Rectifier::relu6>(result);
      result.store(plane + at);
    }
    void close() const {}
  };

  template <class T>
  struct Measured {
    T* plane;
    Vector shift;
    Pair pair;
    void operator()(Vector value, std::ptrdiff_t at) {
      value.store(plane + at);
      const Vector distance = asStored<T>(value) - shift;
      pair.sum += distance;
      pair.product += distance * distance;
    }
    void close() const { pair.close(); }
  };

  template <class T, class Mask, bool kAccumulate>
  struct Gradients {
    T* y;
    std::ptrdiff_t begin;
    BatchNormBackwardPlane<T, kBlock, Mask> norm;
    Pair pair;
    void operator()(Vector value, std::ptrdiff_t at) {
      Vector gradient = asStored<T>(value);
      if constexpr (kAccumulate) gradient = asStored<T>(gradient + Vector::load(y + begin + at));
      gradient.store(y + begin + at);
      norm.addTo(begin + at, gradient, pair.sum, pair.product);
    }
    void close() const { pair.close(); }
  };

  const StatisticsRegion* regionOf() const {
    if (epilogue_.statistics) return &*epilogue_.statistics;
    return epilogue_.gradientSums ? &epilogue_.gradientSums->region : nullptr;
  }
  Sums& sumsOf(const Worker& worker) { return sums_[static_cast<std::size_t>(worker.thread)]; }
  const Sums& sumsOf(const Worker& worker) const { return sums_[static_cast<std::size_t>(worker.thread)]; }

  const Activation y_;
  Epilogue epilogue_;
  // Each thread writes its own.
  std::vector<Sums> sums_;
};

}  // namespace one
