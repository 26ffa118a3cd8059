// Tiles of Winograd's F(4x4, 3x3): where they lie in the images, and a chunk of them in transformed form.
#pragma once
#include <algorithm>
#include <cstddef>

#include "kernels/convolution/normed_pixels.hpp"
#include "kernels/convolution/winograd_transforms.hpp"
#include "plan/plan_builder.hpp"

namespace one::winograd {

constexpr int kBlock = 16;  // channels of a vector
// What the transformed tiles of a chunk may take of the second-level cache.
constexpr std::size_t kChunkBytes = 640 * 1024;
// Transformed filters of more bytes are not kept: they are taken in squares of kStep x kStep channels, which stay in the
// second-level cache. Where all tiles are one chunk, filters are not needed again and only those of less are kept.
constexpr std::size_t kResidentBytes = 10 * 1024 * 1024;
constexpr std::size_t kResidentOnceBytes = 1024 * 1024;
constexpr int kStep = 64;
// Tiles that a square of filters serves before it is made again: enough to make that worth it.
constexpr int kTilesOfStep = 128;

inline int roundUp(int value, int multiple) { return (value + multiple - 1) / multiple * multiple; }

// Sizes of a convolution from `in` channels to `out` channels over the same pixels, and of its transformed tensors; channels
// are counted with the zeros that fill up their last block.
// Tiles of a chunk are rows of a step's channels; a line of padding after each point keeps the 36 points from falling on the
// same cache sets.
struct Sizes {
  int in;
  int out;
  int height;
  int width;
  int tilesHigh;
  int tilesWide;
  int inStep;
  int outStep;
  int chunk;  // tiles, a multiple of the rows of a matrix block

  Sizes(const Activation& x, const Activation& y, int samples)
      : in(x.paddedChannels()),
        out(y.paddedChannels()),
        height(x.height),
        width(x.width),
        tilesHigh((x.height + kOutput - 1) / kOutput),
        tilesWide((x.width + kOutput - 1) / kOutput) {
    const std::size_t filterBytes =
        kPoints * static_cast<std::size_t>(in) * static_cast<std::size_t>(out) * sizeof(float);
    const bool once = tiles() * samples <= kTilesOfStep;
    const bool resident = filterBytes <= (once ? kResidentOnceBytes : kResidentBytes);
    inStep = resident ? in : std::min(in, kStep);
    outStep = resident ? out : std::min(out, kStep);
    const std::size_t tileBytes = kPoints * static_cast<std::size_t>(in + out) * sizeof(float);
    // Filters that fill the cache are read anew for each chunk: it must have tiles enough to be worth it.
    const int worthwhile = resident ? in * out / (in + out) / 2 : kTilesOfStep;
    const int wanted = std::max(worthwhile, static_cast<int>(kChunkBytes / tileBytes));
    chunk = roundUp(std::min(wanted, std::max(1, tiles() * samples)), kBlock);
  }

  int tiles() const { return tilesHigh * tilesWide; }
  int inSteps() const { return (in + inStep - 1) / inStep; }
  int outSteps() const { return (out + outStep - 1) / outStep; }
  bool resident() const { return inSteps() == 1 && outSteps() == 1; }
  std::ptrdiff_t inputPoint() const { return static_cast<std::ptrdiff_t>(chunk) * inStep + kBlock; }
  std::ptrdiff_t outputPoint() const { return static_cast<std::ptrdiff_t>(chunk) * outStep + kBlock; }
  std::ptrdiff_t filterPoint() const { return static_cast<std::ptrdiff_t>(inStep) * outStep + kBlock; }
  // Where a channel's points of a chunk begin, within its step.
  std::ptrdiff_t inputPlace(int channel) const { return channel / inStep * kPoints * inputPoint() + channel % inStep; }
  std::ptrdiff_t outputPlace(int channel) const {
    return channel / outStep * kPoints * outputPoint() + channel % outStep;
  }
};

// Channels of the filters that are in transformed form at a time.
struct FilterSquare {
  int in;
  int out;
  int inCount;
  int outCount;
  FilterSquare(const Sizes& sizes, int firstIn, int firstOut)
      : in(firstIn),
        out(firstOut),
        inCount(std::min(sizes.inStep, sizes.in - firstIn)),
        outCount(std::min(sizes.outStep, sizes.out - firstOut)) {}
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
template <class T, class Load>
void loadInput(const Sizes& sizes, const Tile& tile, const T* plane, const Load& load, Vector (&d)[kInput][kInput]) {
  const bool inside =
      tile.top > 0 && tile.left > 0 && tile.top + kOutput < sizes.height && tile.left + kOutput < sizes.width;
  if (inside) {
    const T* corner = plane + ((tile.top - 1) * sizes.width + tile.left - 1) * kBlock;
#pragma GCC unroll 6
    for (int row = 0; row < kInput; row++) {
#pragma GCC unroll 6
      for (int column = 0; column < kInput; column++)
        d[row][column] = load(corner + (row * sizes.width + column) * kBlock);
    }
    return;
  }
  for (int row = 0; row < kInput; row++) {
    const int y = tile.top - 1 + row;
    for (int column = 0; column < kInput; column++) {
      const int x = tile.left - 1 + column;
      const bool exists = y >= 0 && y < sizes.height && x >= 0 && x < sizes.width;
      d[row][column] = exists ? load(plane + (y * sizes.width + x) * kBlock) : Vector::fill(0.0f);
    }
  }
}

// Calls `finish(value, place)` for each pixel of the tile that exists; places count elements from the plane's begin.
template <class Finish>
inline void finishOutput(const Sizes& sizes, const Tile& tile, const Vector (&y)[kOutput][kOutput], Finish&& finish) {
  const int rows = std::min(kOutput, sizes.height - tile.top);
  const int columns = std::min(kOutput, sizes.width - tile.left);
  const int corner = tile.top * sizes.width + tile.left;
  // One place of the call, so that it is inlined and its sums stay in registers.
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

// V = B^T d B of the tiles first .. first + count, [step of channels][point][tile][channel]. `loadOf(channel)` tells how pixels come in.
template <class T, class LoadOf>
void transformInputs(const Sizes& sizes, const Activation& x, const T* data, int first, int count, const LoadOf& loadOf,
                     float* v) {
  for (int place = 0; place < count; place++) {
    const Tile tile(sizes, first + place);
    for (int block = 0; block < x.blocks; block++) {
      Vector d[kInput][kInput];
      Vector points[kInput][kInput];
      const T* plane = data + tile.sample * x.sampleStride + block * x.blockStride;
      loadInput(sizes, tile, plane, loadOf(block * kBlock), d);
      winograd::transformTile<kInput, kInput, winograd::transformInput>(d, points);
      scatterPoints(points, sizes.inputPoint(), v + sizes.inputPlace(block * kBlock) + place * sizes.inStep);
    }
  }
}

// As above for a worker's samples; `norm` where the pixels come through a batch norm, folded before.
template <class T>
void transformWorkerInputs(const Sizes& sizes, const Activation& x, const Worker& worker, const NormedInput* norm,
                           int first, int count, float* v) {
  withPixels<T>(x, worker, norm,
                [&](const auto& loadOf) { transformInputs(sizes, x, worker.at<T>(x), first, count, loadOf, v); });
}

// dM = A dy A^T likewise.
template <class T>
void transformOutputGradients(const Sizes& sizes, const Activation& dy, const T* data, int first, int count,
                              float* dm) {
  for (int place = 0; place < count; place++) {
    const Tile tile(sizes, first + place);
    for (int block = 0; block < dy.blocks; block++) {
      Vector pixels[kOutput][kOutput];
      Vector points[kInput][kInput];
      loadOutput(sizes, tile, data + tile.sample * dy.sampleStride + block * dy.blockStride, pixels);
      winograd::transformTile<kOutput, kInput, winograd::transformOutputGradient>(pixels, points);
      scatterPoints(points, sizes.outputPoint(), dm + sizes.outputPlace(block * kBlock) + place * sizes.outStep);
    }
  }
}
// A^T M A of a chunk and of the `blocks` channel blocks of a step: `body(tile, block, pixels)` for each tile and block.
template <class Body>
void transformOutputs(const Sizes& sizes, int blocks, const float* m, int first, int count, const Body& body) {
  for (int place = 0; place < count; place++) {
    const Tile tile(sizes, first + place);
    for (int block = 0; block < blocks; block++) {
      Vector points[kInput][kInput];
      Vector pixels[kOutput][kOutput];
      const float* source = m + place * sizes.outStep + block * kBlock;
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
// Where transformed filters, inputs and results of a chunk lie in a thread's scratch, which holds finite numbers before: those
// of padded rows are never used.
struct Scratch {
  float* filters;
  std::ptrdiff_t inputs;
  std::ptrdiff_t results;
  Scratch(const Sizes& sizes, float* data)
      : filters(data),
        inputs(kPoints * sizes.filterPoint()),
        results(inputs + sizes.inSteps() * kPoints * sizes.inputPoint()) {}
  // `resultSteps`: of the results' channels, how many steps are there at a time.
  static std::ptrdiff_t elements(const Sizes& sizes, int resultSteps) {
    return Scratch(sizes, nullptr).results + resultSteps * kPoints * sizes.outputPoint();
  }
  float* filterData() const { return filters; }
  float* inputData() const { return filters + inputs; }
  float* resultData() const { return filters + results; }
};
}  // namespace one::winograd
