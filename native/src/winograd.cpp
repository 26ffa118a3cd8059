#include "winograd.hpp"

#include <algorithm>
#include <type_traits>
#include <vector>

#include "small_matrices.hpp"
#include "winograd_transforms.hpp"

namespace one {
namespace {

using winograd::kInput;
using winograd::kOutput;
using winograd::kPoints;
using winograd::kTaps;
using winograd::Vector;

constexpr int kBlock = 16;  // channels of a vector
// Filters of more channels leave no room in the second-level cache for tiles.
constexpr int kMostChannels = 256;
// What the transformed tiles of a chunk may take of the second-level cache.
constexpr std::size_t kChunkBytes = 640 * 1024;

int roundUp(int value, int multiple) { return (value + multiple - 1) / multiple * multiple; }

// Sizes of a convolution from `in` channels to `out` channels over the same pixels, and of its transformed tensors.
// Tiles of a chunk are rows; a line of padding after each point keeps the 36 points from falling on the same cache sets.
struct Sizes {
  int in;
  int out;
  int height;
  int width;
  int tilesHigh;
  int tilesWide;
  int chunk;  // tiles, a multiple of the rows of a matrix block

  Sizes(const Activation& x, int outChannels)
      : in(x.channels),
        out(outChannels),
        height(x.height),
        width(x.width),
        tilesHigh((x.height + kOutput - 1) / kOutput),
        tilesWide((x.width + kOutput - 1) / kOutput) {
    const std::size_t tileBytes = kPoints * static_cast<std::size_t>(in + out) * sizeof(float);
    chunk = roundUp(std::max(1, static_cast<int>(kChunkBytes / tileBytes)), kBlock);
  }

  int tiles() const { return tilesHigh * tilesWide; }
  std::ptrdiff_t inputPoint() const { return static_cast<std::ptrdiff_t>(chunk) * in + kBlock; }
  std::ptrdiff_t outputPoint() const { return static_cast<std::ptrdiff_t>(chunk) * out + kBlock; }
  std::ptrdiff_t filterPoint() const { return static_cast<std::ptrdiff_t>(in) * out + kBlock; }
};

// Where a tile of the batch lies.
struct Tile {
  int sample;
  int top;
  int left;
  Tile(const Sizes& sizes, int index)
      : sample(index / sizes.tiles()),
        top(index % sizes.tiles() / sizes.tilesWide * kOutput),
        left(index % sizes.tilesWide * kOutput) {}
};

// Six by six pixels from one above and left of the tile on, 0 outside of the image.
template <class T>
void loadInput(const Sizes& sizes, const Tile& tile, const T* plane, Vector (&d)[kInput][kInput]) {
  const bool inside = tile.top > 0 && tile.left > 0 && tile.top + kOutput < sizes.height && tile.left + kOutput < sizes.width;
  if (inside) {
    const T* corner = plane + ((tile.top - 1) * sizes.width + tile.left - 1) * kBlock;
#pragma GCC unroll 6
    for (int row = 0; row < kInput; row++) {
#pragma GCC unroll 6
      for (int column = 0; column < kInput; column++) {
        d[row][column] = Vector::load(corner + (row * sizes.width + column) * kBlock);
      }
    }
    return;
  }
  for (int row = 0; row < kInput; row++) {
    const int y = tile.top - 1 + row;
    for (int column = 0; column < kInput; column++) {
      const int x = tile.left - 1 + column;
      const bool exists = y >= 0 && y < sizes.height && x >= 0 && x < sizes.width;
      d[row][column] = exists ? Vector::load(plane + (y * sizes.width + x) * kBlock) : Vector::fill(0.0f);
    }
  }
}

// Calls `finish(value, place)` for each pixel of the tile that exists; places count elements from the plane's begin.
template <class Finish>
inline void finishOutput(const Sizes& sizes, const Tile& tile, const Vector (&y)[kOutput][kOutput], Finish&& finish) {
  const int rows = std::min(kOutput, sizes.height - tile.top);
  const int columns = std::min(kOutput, sizes.width - tile.left);
  const int corner = tile.top * sizes.width + tile.left;
  if (rows == kOutput && columns == kOutput) {
#pragma GCC unroll 4
    for (int row = 0; row < kOutput; row++) {
#pragma GCC unroll 4
      for (int column = 0; column < kOutput; column++) {
        finish(y[row][column], (corner + row * sizes.width + column) * kBlock);
      }
    }
    return;
  }
  for (int row = 0; row < rows; row++) {
    for (int column = 0; column < columns; column++) {
      finish(y[row][column], (corner + row * sizes.width + column) * kBlock);
    }
  }
}

template <class T>
void loadOutput(const Sizes& sizes, const Tile& tile, const T* plane, Vector (&dy)[kOutput][kOutput]) {
  for (int row = 0; row < kOutput; row++) {
    for (int column = 0; column < kOutput; column++) {
      const bool exists = tile.top + row < sizes.height && tile.left + column < sizes.width;
      const T* pixel = plane + ((tile.top + row) * sizes.width + tile.left + column) * kBlock;
      dy[row][column] = exists ? Vector::load(pixel) : Vector::fill(0.0f);
    }
  }
}

// Writes a tile's 36 points of one channel block into the planes of a chunk.
inline void scatterPoints(const Vector (&points)[kInput][kInput], std::ptrdiff_t pointStride, float* target) {
#pragma GCC unroll 6
  for (int row = 0; row < kInput; row++) {
#pragma GCC unroll 6
    for (int column = 0; column < kInput; column++) {
      points[row][column].store(target + (row * kInput + column) * pointStride);
    }
  }
}

// V = B^T d B of the tiles first .. first + count, [point][tile][channel].
template <class T>
void transformInputs(const Sizes& sizes, const Activation& x, const T* data, int first, int count, float* v) {
  for (int place = 0; place < count; place++) {
    const Tile tile(sizes, first + place);
    for (int block = 0; block < x.blocks; block++) {
      Vector d[kInput][kInput];
      Vector points[kInput][kInput];
      loadInput(sizes, tile, data + tile.sample * x.sampleStride + block * x.blockStride, d);
      winograd::transformTile<kInput, kInput, winograd::transformInput>(d, points);
      scatterPoints(points, sizes.inputPoint(), v + place * sizes.in + block * kBlock);
    }
  }
}

// dM = A dy A^T likewise.
template <class T>
void transformOutputGradients(const Sizes& sizes, const Activation& dy, const T* data, int first, int count, float* dm) {
  for (int place = 0; place < count; place++) {
    const Tile tile(sizes, first + place);
    for (int block = 0; block < dy.blocks; block++) {
      Vector pixels[kOutput][kOutput];
      Vector points[kInput][kInput];
      loadOutput(sizes, tile, data + tile.sample * dy.sampleStride + block * dy.blockStride, pixels);
      winograd::transformTile<kOutput, kInput, winograd::transformOutputGradient>(pixels, points);
      scatterPoints(points, sizes.outputPoint(), dm + place * sizes.out + block * kBlock);
    }
  }
}

// A^T M A of a chunk: `body(tile, block, pixels)` for each tile and channel block.
template <class Body>
void transformOutputs(const Sizes& sizes, int blocks, const float* m, int first, int count, const Body& body) {
  for (int place = 0; place < count; place++) {
    const Tile tile(sizes, first + place);
    for (int block = 0; block < blocks; block++) {
      Vector points[kInput][kInput];
      Vector pixels[kOutput][kOutput];
      const float* source = m + place * sizes.out + block * kBlock;
#pragma GCC unroll 6
      for (int row = 0; row < kInput; row++) {
#pragma GCC unroll 6
        for (int column = 0; column < kInput; column++) {
          points[row][column] = Vector::load(source + (row * kInput + column) * sizes.outputPoint());
        }
      }
      winograd::transformTile<kInput, kOutput, winograd::transformOutput>(points, pixels);
      body(tile, block, pixels);
    }
  }
}

// Sums of a chunk's results in f32 lanes, of its thread's in doubles; distances are taken from each channel's first result,
// as in storeStatistics.
struct RunningSums {
  std::vector<float> shift;
  std::vector<float> sums;
  std::vector<float> squares;
  explicit RunningSums(int channels)
      : shift(static_cast<std::size_t>(channels)), sums(shift.size()), squares(shift.size()) {}

  // Moves the lanes into the doubles.
  void flush(double* region) {
    const std::size_t channels = sums.size();
    for (std::size_t c = 0; c < channels; c++) {
      region[c] += static_cast<double>(sums[c]);
      region[channels + c] += static_cast<double>(squares[c]);
      sums[c] = squares[c] = 0.0f;
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

// Scratch of a thread: transformed filters, inputs and results of a chunk, zeroed so that padded rows stay finite.
struct Scratch {
  dnnl::memory memory;
  std::ptrdiff_t inputs;
  std::ptrdiff_t results;
  Scratch(const Sizes& sizes, int thread, PlanBuilder& builder)
      : inputs(kPoints * sizes.filterPoint()), results(inputs + kPoints * sizes.inputPoint()) {
    const dnnl::memory::dim elements = results + kPoints * sizes.outputPoint();
    memory = builder.transient(thread, {{elements}, dnnl::memory::data_type::f32, dnnl::memory::format_tag::a});
  }
  float* filterData() const { return static_cast<float*>(memory.get_data_handle()); }
  float* inputData() const { return filterData() + inputs; }
  float* resultData() const { return filterData() + results; }
};

// y = conv(x, w), or with transposed filters dx = conv(dy, w turned by 180 degrees).
class Convolution : public Instruction {
 public:
  Convolution(const Activation& x, const Activation& y, const WeightShape& weights, bool transposed, Epilogue epilogue,
              PlanBuilder& builder)
      : x_(x),
        y_(y),
        sizes_(x, y.channels),
        weights_(builder.state(weights.stateOffset)),
        weightType_(weights.type),
        transposed_(transposed),
        epilogue_(std::move(epilogue)) {
    for (const Worker& worker : builder.workers()) {
      scratch_.emplace_back(sizes_, worker.thread, builder);
      sums_.emplace_back(epilogue_.statistics != nullptr ? y_.channels : 0);
    }
  }

  void run(Worker& worker, const RunArguments&) override {
    if (worker.samples == 0) return;
    if (x_.type == Type::f32) {
      runAs<float>(worker);
    } else {
      runAs<Bf16>(worker);
    }
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
      transformInputs(sizes_, x_, worker.at<T>(x_), first, count, scratch.inputData());
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
    if (epilogue_.norm != nullptr) epilogue_.norm->fold(worker);
    if (epilogue_.statistics != nullptr) {
      double* region = epilogue_.statistics->of(worker.thread);
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
        Vector square = Vector::load(sums.squares.data() + channel);
        finishOutput(sizes_, tile, pixels, [&](Vector value, int at) {
          value.store(target + at);
          const Vector distance = asStored<T>(value) - shift;
          sum += distance;
          square += distance * distance;
        });
        sum.store(sums.sums.data() + channel);
        square.store(sums.squares.data() + channel);
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
  const Epilogue epilogue_;
  std::vector<Scratch> scratch_;
  // Each thread writes its own.
  mutable std::vector<RunningSums> sums_;
};

// dW = G^T (sum over tiles of V^T dM) G.
class BackwardWeights : public Instruction {
 public:
  BackwardWeights(const Activation& x, const Activation& dy, std::size_t gradientOffset, PlanBuilder& builder)
      : x_(x), dy_(dy), sizes_(x, dy.channels), gradientOffset_(gradientOffset) {
    for (const Worker& worker : builder.workers()) scratch_.emplace_back(sizes_, worker.thread, builder);
  }

  void run(Worker& worker, const RunArguments&) override {
    if (worker.samples == 0) return;
    if (x_.type == Type::f32) {
      runAs<float>(worker);
    } else {
      runAs<Bf16>(worker);
    }
  }

 private:
  template <class T>
  void runAs(Worker& worker) const {
    const Scratch& scratch = scratch_[static_cast<std::size_t>(worker.thread)];
    const int tiles = sizes_.tiles() * worker.samples;
    for (int first = 0; first < tiles; first += sizes_.chunk) {
      const int count = std::min(sizes_.chunk, tiles - first);
      transformInputs(sizes_, x_, worker.at<T>(x_), first, count, scratch.inputData());
      transformOutputGradients(sizes_, dy_, worker.at<T>(dy_), first, count, scratch.resultData());
      for (int point = 0; point < kPoints; point++) {
        const float* v = scratch.inputData() + point * sizes_.inputPoint();
        const float* dm = scratch.resultData() + point * sizes_.outputPoint();
        float* du = scratch.filterData() + point * sizes_.filterPoint();
        if (first == 0) {
          multiplyMatrices<false>(sizes_.in, sizes_.out, count, v, 1, sizes_.in, dm, sizes_.out, du, sizes_.out);
        } else {
          multiplyMatrices<true>(sizes_.in, sizes_.out, count, v, 1, sizes_.in, dm, sizes_.out, du, sizes_.out);
        }
      }
    }
    transformFilterGradients(scratch.filterData(), worker.gradients + gradientOffset_);
  }

  // Points [point][in][out] -> taps [out, in, 3, 3].
  void transformFilterGradients(const float* du, float* gradient) const {
    constexpr int kAll = kTaps * kTaps;
    for (int in = 0; in < sizes_.in; in++) {
      for (int out = 0; out < sizes_.out; out += kBlock) {
        Vector points[kInput][kInput];
        Vector taps[kTaps][kTaps];
        const float* source = du + static_cast<std::ptrdiff_t>(in) * sizes_.out + out;
        for (int point = 0; point < kPoints; point++) {
          points[point / kInput][point % kInput] = Vector::load(source + point * sizes_.filterPoint());
        }
        winograd::transformTile<kInput, kTaps, winograd::transformFilterGradient>(points, taps);
        for (int tap = 0; tap < kAll; tap++) {
          alignas(64) float lanes[kBlock];
          taps[tap / kTaps][tap % kTaps].store(lanes);
          for (int lane = 0; lane < kBlock; lane++) {
            gradient[(static_cast<std::ptrdiff_t>(out + lane) * sizes_.in + in) * kAll + tap] = lanes[lane];
          }
        }
      }
    }
  }

  const Activation x_;
  const Activation dy_;
  const Sizes sizes_;
  const std::size_t gradientOffset_;
  std::vector<Scratch> scratch_;
};

}  // namespace

bool winogradFits(const Activation& x, const Activation& y, const WeightShape& weights, int stride, int padding) {
#if defined(__AVX512F__)
  const auto blocked = [](const Activation& tensor) {
    return tensor.lanes == kBlock && tensor.pixelStride == kBlock && tensor.channels % kBlock == 0 &&
           tensor.channels <= kMostChannels;
  };
  const bool shaped = weights.groups == 1 && weights.kernelHeight == kTaps && weights.kernelWidth == kTaps;
  return shaped && stride == 1 && padding == 1 && blocked(x) && blocked(y);
#else
  // The blocks of products are made for 32 vector registers.
  static_cast<void>(x), static_cast<void>(y), static_cast<void>(weights), static_cast<void>(stride);
  static_cast<void>(padding);
  return false;
#endif
}

InstructionPtr winogradConvolution(const Activation& x, const Activation& y, const WeightShape& weights, bool transposed,
                                   Epilogue epilogue, PlanBuilder& builder) {
  return std::make_unique<Convolution>(x, y, weights, transposed, std::move(epilogue), builder);
}

InstructionPtr winogradBackwardWeights(const Activation& x, const Activation& dy, std::size_t gradientOffset,
                                       PlanBuilder& builder) {
  return std::make_unique<BackwardWeights>(x, dy, gradientOffset, builder);
}

}  // namespace one
