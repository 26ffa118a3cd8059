// Pixels of a chunk of the batch as f32 rows of sixteen channels, block by block: where they lie in the activation, or copied.
#pragma once
#include <algorithm>
#include <type_traits>
#include <vector>

#include "epilogue.hpp"
#include "lanes.hpp"

namespace one {

// Some pixels of one sample, or all pixels of some.
struct PixelChunk {
  int sample;
  int samples;
  int pixel;
  int pixels;
};

// Calls `body(chunk)` for all pixels of a worker's samples in chunks of about `wanted` pixels.
template <class Body>
void forEachChunk(int samples, int pixels, int wanted, const Body& body) {
  if (pixels > wanted) {
    for (int sample = 0; sample < samples; sample++) {
      for (int pixel = 0; pixel < pixels; pixel += wanted) {
        body(PixelChunk{sample, 1, pixel, std::min(wanted, pixels - pixel)});
      }
    }
    return;
  }
  const int together = std::max(1, wanted / pixels);
  for (int sample = 0; sample < samples; sample += together) {
    body(PixelChunk{sample, std::min(together, samples - sample), 0, pixels});
  }
}

// Pixel p of the chunk's sample s, channel block b: sixteen floats at data + s sampleStride + b blockStride + 16 p.
struct RowView {
  const float* data;
  std::ptrdiff_t sampleStride;
  std::ptrdiff_t blockStride;
};

class PixelRows {
 public:
  static constexpr int kBlock = 16;
  using Vector = Lanes<kBlock>;

  // Of `tensor` each `stride`-th pixel in both directions counts, `width` of them in a line.
  PixelRows(const Activation& tensor, int stride, int width, int chunkPixels, Prologue prologue)
      : tensor_(tensor),
        stride_(stride),
        width_(width),
        // A line more, so that blocks do not fall on the same cache sets.
        copyStride_(static_cast<std::ptrdiff_t>(chunkPixels + 1) * kBlock),
        prologue_(std::move(prologue)) {}

  // Floats that the copy of a chunk takes; 0 where pixels are read where they lie.
  std::ptrdiff_t copyElements() const { return copied() ? tensor_.blocks * copyStride_ : 0; }

  void begin(const Worker& worker) const {
    if (prologue_ != nullptr) prologue_->fold(worker);
  }

  RowView view(const Worker& worker, const PixelChunk& chunk, float* copy) const {
    if (!copied()) {
      const float* data = worker.at<float>(tensor_) + chunk.sample * tensor_.sampleStride;
      return {data + chunk.pixel * kBlock, tensor_.sampleStride, tensor_.blockStride};
    }
    if (tensor_.type == Type::f32) copyAs<float>(worker, chunk, copy);
    else copyAs<Bf16>(worker, chunk, copy);
    return {copy, static_cast<std::ptrdiff_t>(chunk.pixels) * kBlock, copyStride_};
  }

 private:
  bool copied() const { return tensor_.type != Type::f32 || stride_ != 1 || prologue_ != nullptr; }

  template <class T>
  void copyAs(const Worker& worker, const PixelChunk& chunk, float* copy) const {
    if (prologue_ == nullptr) {
      copyWith<T>(worker, chunk, copy, [](int) { return [](Vector pixel) { return pixel; }; });
      return;
    }
    const float* factors = prologue_->factor(worker);
    const float* offsets = prologue_->offset(worker);
    copyWith<T>(worker, chunk, copy, [&](int channel) {
      const Vector factor = Vector::load(factors + channel);
      const Vector offset = Vector::load(offsets + channel);
      return [factor, offset](Vector pixel) {
        const Vector value = (pixel * factor + offset).rectified();
        // As it would come back from memory.
        if constexpr (std::is_same_v<T, Bf16>) return value.rounded();
        else return value;
      };
    });
  }

  template <class T, class FinishOf>
  void copyWith(const Worker& worker, const PixelChunk& chunk, float* copy, const FinishOf& finishOf) const {
    for (int block = 0; block < tensor_.blocks; block++) {
      const auto finish = finishOf(block * kBlock);
      float* target = copy + block * copyStride_;
      for (int sample = 0; sample < chunk.samples; sample++) {
        const T* plane = worker.at<T>(tensor_) + (chunk.sample + sample) * tensor_.sampleStride + block * tensor_.blockStride;
        for (int pixel = chunk.pixel; pixel < chunk.pixel + chunk.pixels; pixel++) {
          finish(Vector::load(plane + placeOf(pixel) * kBlock)).store(target);
          target += kBlock;
        }
      }
    }
  }

  // Where the counted pixel lies among all.
  std::ptrdiff_t placeOf(int pixel) const {
    if (stride_ == 1) return pixel;
    return static_cast<std::ptrdiff_t>(pixel / width_ * stride_) * tensor_.width + pixel % width_ * stride_;
  }

  const Activation tensor_;
  const int stride_;
  const int width_;
  const std::ptrdiff_t copyStride_;
  const Prologue prologue_;
};

}  // namespace one
