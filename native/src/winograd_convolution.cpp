#include <type_traits>
#include <vector>

#include "planes.hpp"
#include "small_matrices.hpp"
#include "winograd.hpp"
#include "winograd_tiles.hpp"

namespace one {
namespace {

using namespace winograd;

// Two sums of a chunk's results in f32 lanes, of its thread's in doubles. For statistics: distances, taken from each
// channel's first result as in storeStatistics, and their squares; for batch norm's gradient: dy' and dy' (x - mean).
struct RunningSums {
  std::vector<float> shift;
  std::vector<float> sums;
  std::vector<float> products;
  explicit RunningSums(int channels)
      : shift(static_cast<std::size_t>(channels)), sums(shift.size()), products(shift.size()) {}

  // Moves the lanes into the doubles.
  void flush(double* region) {
    const std::size_t channels = sums.size();
    for (std::size_t c = 0; c < channels; c++) {
      region[c] += static_cast<double>(sums[c]);
      region[channels + c] += static_cast<double>(products[c]);
      sums[c] = products[c] = 0.0f;
    }
  }
  // Turns sums and squares of distances into mean and squared distances from it.
  void finish(double* region, double count) const {
    const std::size_t channels = sums.size();
    for (std::size_t c = 0; c < channels; c++) {
      region[channels + c] -= region[c] * region[c] / count;
      region[c] = static_cast<double>(shift[c]) + region[c] / count;
    }
  }
};
// y = conv(x, w), or with transposed filters dx = conv(dy, w turned by 180 degrees).
class Convolution : public Instruction {
 public:
  Convolution(const Activation& x, const Activation& y, const WeightShape& weights, bool transposed, Prologue prologue,
              Epilogue epilogue, PlanBuilder& builder)
      : x_(x),
        y_(y),
        sizes_(x, y.channels),
        weights_(builder.state(weights.stateOffset)),
        weightType_(weights.type),
        transposed_(transposed),
        prologue_(std::move(prologue)),
        epilogue_(std::move(epilogue)) {
    for (const Worker& worker : builder.workers()) {
      scratch_.emplace_back(sizes_, worker.thread, builder);
      sums_.emplace_back(epilogue_.statistics != nullptr || epilogue_.gradientSums != nullptr ? y_.channels : 0);
    }
    if (epilogue_.gradientSums != nullptr && !epilogue_.gradientSums->gate.x().liesAs(y_)) {
      throw std::runtime_error("Expected a batch norm's x that lies in memory as its dy");
    }
  }

  void run(Worker& worker, const RunArguments&) override {
    if (worker.samples == 0) return;
    withElement(x_.type, [&](auto element) { runAs<decltype(element)>(worker); });
  }

 private:
  template <class T>
  void runAs(Worker& worker) const {
    const Scratch& scratch = scratch_[static_cast<std::size_t>(worker.thread)];
    transformFilters(scratch.filterData());
    begin(worker);
    const int tiles = sizes_.tiles() * worker.samples;
    for (int first = 0; first < tiles; first += sizes_.chunk) {
      const int count = std::min(sizes_.chunk, tiles - first);
      const int rows = roundUp(count, kBlock);
      transformWorkerInputs<T>(sizes_, x_, worker, prologue_.get(), first, count, scratch.inputData());
      for (int point = 0; point < kPoints; point++) {
        multiplyMatrices<false>(rows, sizes_.out, sizes_.in, scratch.inputData() + point * sizes_.inputPoint(), sizes_.in,
                                1, scratch.filterData() + point * sizes_.filterPoint(), sizes_.out,
                                scratch.resultData() + point * sizes_.outputPoint(), sizes_.out);
      }
      finishChunk<T>(worker, scratch.resultData(), first, count);
    }
    if (epilogue_.statistics != nullptr) {
      const double results = static_cast<double>(worker.samples) * y_.pixels();
      sums_[static_cast<std::size_t>(worker.thread)].finish(epilogue_.statistics->of(worker.thread), results);
    }
  }

  void begin(const Worker& worker) const {
    if (prologue_ != nullptr) prologue_->fold(worker);
    if (epilogue_.norm != nullptr) epilogue_.norm->fold(worker);
    if (epilogue_.statistics != nullptr) {
      double* region = epilogue_.statistics->of(worker.thread);
      std::fill(region, region + 2 * y_.channels, 0.0);
    }
    if (epilogue_.gradientSums != nullptr) {
      epilogue_.gradientSums->gate.prepare(worker);
      double* region = epilogue_.gradientSums->region.of(worker.thread);
      std::fill(region, region + 2 * y_.channels, 0.0);
    }
  }

  template <class T>
  void finishChunk(const Worker& worker, const float* m, int first, int count) const {
    T* y = worker.at<T>(y_);
    const auto plane = [&](const Tile& tile, int block) {
      return tile.sample * y_.sampleStride + block * y_.blockStride;
    };
    const auto transform = [&](const auto& body) { transformOutputs(sizes_, y_.blocks, m, first, count, body); };
    if (epilogue_.statistics != nullptr) {
      RunningSums& sums = sums_[static_cast<std::size_t>(worker.thread)];
      transform([&](const Tile& tile, int block, const Vector (&pixels)[kOutput][kOutput]) {
        T* target = y + plane(tile, block);
        const int channel = block * kBlock;
        if (first == 0 && tile.sample == 0 && tile.top == 0 && tile.left == 0) {
          asStored<T>(pixels[0][0]).store(sums.shift.data() + channel);
        }
        const Vector shift = Vector::load(sums.shift.data() + channel);
        Vector sum = Vector::load(sums.sums.data() + channel);
        Vector square = Vector::load(sums.products.data() + channel);
        finishOutput(sizes_, tile, pixels, [&](Vector value, int at) {
          value.store(target + at);
          const Vector distance = asStored<T>(value) - shift;
          sum += distance;
          square += distance * distance;
        });
        sum.store(sums.sums.data() + channel);
        square.store(sums.products.data() + channel);
      });
      sums.flush(epilogue_.statistics->of(worker.thread));
    } else if (epilogue_.norm != nullptr) {
      const float* factors = epilogue_.norm->factor(worker);
      const float* offsets = epilogue_.norm->offset(worker);
      const T* residual = epilogue_.residual == nullptr ? nullptr : worker.at<T>(*epilogue_.residual);
      transform([&](const Tile& tile, int block, const Vector (&pixels)[kOutput][kOutput]) {
        const std::ptrdiff_t begin = plane(tile, block);
        const Vector factor = Vector::load(factors + block * kBlock);
        const Vector offset = Vector::load(offsets + block * kBlock);
        finishOutput(sizes_, tile, pixels, [&](Vector value, int at) {
          Vector result = asStored<T>(value) * factor + offset;
          if (residual != nullptr) result += Vector::load(residual + begin + at);
          (epilogue_.relu ? result.rectified() : result).store(y + begin + at);
        });
      });
    } else if (epilogue_.gradientSums != nullptr) {
      const BatchNormGate& gate = epilogue_.gradientSums->gate;
      gate.withMask([&](auto mask) {
        if (epilogue_.accumulate) finishGradients<T, decltype(mask)::value, true>(worker, gate, m, first, count);
        else finishGradients<T, decltype(mask)::value, false>(worker, gate, m, first, count);
      });
      sums_[static_cast<std::size_t>(worker.thread)].flush(epilogue_.gradientSums->region.of(worker.thread));
    } else if (epilogue_.accumulate) {
      transform([&](const Tile& tile, int block, const Vector (&pixels)[kOutput][kOutput]) {
        T* target = y + plane(tile, block);
        finishOutput(sizes_, tile, pixels, [&](Vector value, int at) {
          (asStored<T>(value) + Vector::load(target + at)).store(target + at);
        });
      });
    } else {
      transform([&](const Tile& tile, int block, const Vector (&pixels)[kOutput][kOutput]) {
        T* target = y + plane(tile, block);
        finishOutput(sizes_, tile, pixels, [&](Vector value, int at) { value.store(target + at); });
      });
    }
  }

  // Stores the results, added to what lies there or not, and takes the sums of the batch norm whose dy they are.
  template <class T, Mask kMask, bool kAccumulate>
  void finishGradients(const Worker& worker, const BatchNormGate& norm, const float* m, int first, int count) const {
    T* y = worker.at<T>(y_);
    RunningSums& sums = sums_[static_cast<std::size_t>(worker.thread)];
    const T* x = worker.at<T>(norm.x());
    const int last = first + count - 1;
    transformOutputs(sizes_, y_.blocks, m, first, count, [&](const Tile& tile, int block, const auto& pixels) {
      const int index = tile.sample * sizes_.tiles() + tile.top / kOutput * sizes_.tilesWide + tile.left / kOutput;
      const Tile ahead(sizes_, std::min(index + kTilesAhead, last));
      const std::ptrdiff_t aheadAt = ahead.sample * y_.sampleStride + block * y_.blockStride;
      prefetchOutput(sizes_, ahead, x + aheadAt);
      if constexpr (kAccumulate) prefetchOutput(sizes_, ahead, y + aheadAt);
      const int channel = block * kBlock;
      const std::ptrdiff_t begin = tile.sample * y_.sampleStride + block * y_.blockStride;
      const auto gate = norm.gate<T, kBlock, kMask>(worker, channel);
      Vector sum = Vector::load(sums.sums.data() + channel);
      Vector product = Vector::load(sums.products.data() + channel);
      finishOutput(sizes_, tile, pixels, [&](Vector value, int at) {
        Vector gradient = asStored<T>(value);
        if constexpr (kAccumulate) gradient = asStored<T>(gradient + Vector::load(y + begin + at));
        gradient.store(y + begin + at);
        gate.addTo(begin + at, gradient, sum, product);
      });
      sum.store(sums.sums.data() + channel);
      product.store(sums.products.data() + channel);
    });
  }

  // The value that a store and a load would give: what follows must not depend on whether it is fused.
  template <class T>
  static Vector asStored(Vector value) {
    if constexpr (std::is_same_v<T, Bf16>) return value.rounded();
    return value;
  }

  // U = G g G^T as [point][in][out], sixteen outputs at a time.
  void transformFilters(float* u) const {
    for (int in = 0; in < sizes_.in; in++) {
      for (int out = 0; out < sizes_.out; out += kBlock) {
        Vector taps[kTaps][kTaps];
        Vector points[kInput][kInput];
        gatherTaps(in, out, taps);
        winograd::transformTile<kTaps, kInput, winograd::transformFilter>(taps, points);
        scatterPoints(points, sizes_.filterPoint(), u + static_cast<std::ptrdiff_t>(in) * sizes_.out + out);
      }
    }
  }

  // The master's filters are [O, I, 3, 3]: O is our `out`, or our `in` where they are transposed.
  void gatherTaps(int in, int out, Vector (&taps)[kTaps][kTaps]) const {
    constexpr int kAll = kTaps * kTaps;
    alignas(64) float lanes[kAll][kBlock];
    for (int lane = 0; lane < kBlock; lane++) {
      const float* filter = transposed_ ? weights_ + (static_cast<std::ptrdiff_t>(in) * sizes_.out + out + lane) * kAll
                                        : weights_ + (static_cast<std::ptrdiff_t>(out + lane) * sizes_.in + in) * kAll;
      for (int tap = 0; tap < kAll; tap++) lanes[tap][lane] = filter[transposed_ ? kAll - 1 - tap : tap];
    }
    for (int tap = 0; tap < kAll; tap++) {
      const Vector exact = Vector::load(lanes[tap]);
      taps[tap / kTaps][tap % kTaps] = weightType_ == Type::f32 ? exact : exact.rounded();
    }
  }

  const Activation x_;
  const Activation y_;
  const Sizes sizes_;
  const float* weights_;
  const Type weightType_;
  const bool transposed_;
  const Prologue prologue_;
  const Epilogue epilogue_;
  std::vector<Scratch> scratch_;
  // Each thread writes its own.
  mutable std::vector<RunningSums> sums_;
};
}  // namespace

bool winogradFits(const Activation& x, const Activation& y, const WeightShape& weights, int stride, int padding) {
  const auto blocked = [](const Activation& tensor) {
    return tensor.lanes == kBlock && tensor.pixelStride == kBlock && tensor.channels % kBlock == 0 &&
           tensor.channels <= kWinogradChannels;
  };
  const bool shaped = weights.groups == 1 && weights.kernelHeight == kTaps && weights.kernelWidth == kTaps;
  return shaped && stride == 1 && padding == 1 && blocked(x) && blocked(y);
}

InstructionPtr winogradConvolution(const Activation& x, const Activation& y, const WeightShape& weights, bool transposed,
                                   Prologue prologue, Epilogue epilogue, PlanBuilder& builder) {
  return std::make_unique<Convolution>(x, y, weights, transposed, std::move(prologue), std::move(epilogue), builder);
}
}  // namespace one
