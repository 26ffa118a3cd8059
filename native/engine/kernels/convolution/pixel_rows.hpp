// Input pixels of a chunk of results as f32 rows of sixteen channels, block by block and tap by tap: where they lie in the
// activation, or copied.
#pragma once
#include <algorithm>

#include "kernels/convolution/convolution_window.hpp"
#include "kernels/convolution/normed_pixels.hpp"

namespace one {

// Some results of one sample, or all results of some.
struct PixelChunk {
  int sample;
  int samples;
  int pixel;
  int pixels;
};

// Calls `body(chunk)` for all results of a worker's samples in chunks of at most `wanted` results, or of one sample's.
template <class Body>
void forEachChunk(int samples, int pixels, int wanted, const Body& body) {
  if (pixels > wanted) {
    const int parts = (pixels + wanted - 1) / wanted;
    const int even = (pixels + parts - 1) / parts;
    for (int sample = 0; sample < samples; sample++) {
      for (int pixel = 0; pixel < pixels; pixel += even) {
        body(PixelChunk{sample, 1, pixel, std::min(even, pixels - pixel)});
      }
    }
    return;
  }
  const int together = std::max(1, wanted / pixels);
  for (int sample = 0; sample < samples; sample += together) {
    body(PixelChunk{sample, std::min(together, samples - sample), 0, pixels});
  }
}

// Row of result p of the chunk's sample s for channel block b and tap t of T: sixteen floats at
// data + s sampleStride + (b T + t) blockStride + 16 p.
struct RowView {
  const float* data;
  std::ptrdiff_t sampleStride;
  std::ptrdiff_t blockStride;
};

class PixelRows {
 public:
  static constexpr int kBlock = 16;
  using Vector = Lanes<kBlock>;

  // `blocks` channel blocks at a time, each row multiplied with `uses` channels; `norm` = the folded batch norm and rectifier
  // that pixels come through, or null.
  PixelRows(const Activation& tensor, int blocks, int uses, const Window& window, int chunkPixels,
            const NormedInput* norm)
      : tensor_(tensor),
        blocks_(blocks),
        worthCopying_(uses >= kUsesWorthCopying),
        window_(window),
        // A line more, so that blocks do not fall on the same cache sets.
        copyStride_(static_cast<std::ptrdiff_t>(chunkPixels + 1) * kBlock),
        norm_(norm) {}

  // Floats that the copy of a chunk takes; 0 where pixels are read where they lie.
  std::ptrdiff_t copyElements() const {
    return copied() ? blocks_ * static_cast<int>(window_.taps.size()) * copyStride_ : 0;
  }

  // From the rows of a channel block and tap to the next.
  std::ptrdiff_t blockStride() const { return copied() ? copyStride_ : tensor_.blockStride; }

  // Rows of the blocks from `firstBlock` on.
  RowView view(const Worker& worker, const PixelChunk& chunk, int firstBlock, float* copy) const {
    if (!copied()) {
      const float* data =
          worker.at<float>(tensor_) + chunk.sample * tensor_.sampleStride + firstBlock * tensor_.blockStride;
      return {data + chunk.pixel * kBlock, tensor_.sampleStride, tensor_.blockStride};
    }
    if (tensor_.type == Type::f32)
      copyAs<float>(worker, chunk, firstBlock, copy);
    else
      copyAs<Bf16>(worker, chunk, firstBlock, copy);
    return {copy, static_cast<std::ptrdiff_t>(chunk.pixels) * kBlock, copyStride_};
  }

 private:
  // Planes of 8 x 8 or 16 x 16 pixels begin on the same cache sets, so that rows in place push each other out; with so many
  // uses a copy costs less.
  static constexpr int kUsesWorthCopying = 256;

  bool copied() const {
    if (tensor_.type != Type::f32 || norm_ != nullptr || worthCopying_) return true;
    if (window_.inputStride != 1 || window_.taps.size() != 1) return true;
    const Tap& tap = window_.taps.front();
    return tap.row != 0 || tap.column != 0 || window_.width != tensor_.width || window_.height != tensor_.height;
  }

  template <class T>
  void copyAs(const Worker& worker, const PixelChunk& chunk, int firstBlock, float* copy) const {
    withPixels<T>(tensor_, worker, norm_,
                  [&](const auto& loadOf) { copyWith<T>(worker, chunk, firstBlock, copy, loadOf); });
  }

  template <class T, class LoadOf>
  void copyWith(const Worker& worker, const PixelChunk& chunk, int firstBlock, float* copy,
                const LoadOf& loadOf) const {
    for (int block = firstBlock; block < firstBlock + blocks_; block++) {
      const auto load = loadOf(block * kBlock);
      const T* planes = worker.at<T>(tensor_) + chunk.sample * tensor_.sampleStride + block * tensor_.blockStride;
      for (const Tap& tap : window_.taps) {
        float* target = copy;
        for (int sample = 0; sample < chunk.samples; sample++) {
          copyPixels(chunk, tap, planes + sample * tensor_.sampleStride, load, target);
          target += chunk.pixels * kBlock;
        }
        copy += copyStride_;
      }
    }
  }

  // Line by line of the results.
  template <class T, class Load>
  void copyPixels(const PixelChunk& chunk, const Tap& tap, const T* plane, const Load& load, float* target) const {
    const int end = chunk.pixel + chunk.pixels;
    for (int pixel = chunk.pixel; pixel < end;) {
      const int x = pixel % window_.width;
      const int count = std::min(window_.width - x, end - pixel);
      const int row = pixel / window_.width * window_.inputStride + tap.row;
      const bool inside = row >= 0 && row < tensor_.height;
      const T* line = inside ? plane + static_cast<std::ptrdiff_t>(row) * tensor_.width * kBlock : nullptr;
      copyLine(line, x * window_.inputStride + tap.column, count, load, target);
      target += count * kBlock;
      pixel += count;
    }
  }

  // `count` pixels of an input line, the first at `column`; null = a line outside of the image.
  template <class T, class Load>
  void copyLine(const T* line, int column, int count, const Load& load, float* target) const {
    const int stride = window_.inputStride;
    const int first = line == nullptr ? count : std::min(count, column >= 0 ? 0 : (stride - 1 - column) / stride);
    const int left = tensor_.width - column;
    const int last = line == nullptr ? count : std::clamp(left <= 0 ? 0 : (left + stride - 1) / stride, first, count);
    const Vector zero = Vector::fill(0.0f);
    for (int place = 0; place < first; place++) zero.store(target + place * kBlock);
    for (int place = first; place < last; place++) {
      load(line + (column + place * stride) * kBlock).store(target + place * kBlock);
    }
    for (int place = last; place < count; place++) zero.store(target + place * kBlock);
  }

  const Activation tensor_;
  const int blocks_;
  const bool worthCopying_;
  const Window window_;
  const std::ptrdiff_t copyStride_;
  const NormedInput* norm_;
};

}  // namespace one
