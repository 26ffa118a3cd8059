// The lines of one channel block's plane that a convolution of single channels reads at a time: f32, with zeros around the
// image, whatever the plane's type and the batch norm that its pixels come through.
#pragma once
#include <algorithm>
#include <vector>

#include "kernels/convolution/convolution_window.hpp"
#include "kernels/convolution/normed_pixels.hpp"

namespace one {

// A ring of lines in the thread's scratch, and one line of zeros for rows outside of the image.
class PaddedLines {
 public:
  static constexpr int kBlock = 16;

  // For windows of one input stride over planes of `x`.
  PaddedLines(const Activation& x, const std::vector<Window>& windows)
      : height_(x.height), width_(x.width), stride_(windows.front().inputStride) {
    for (const Window& window : windows) {
      steps_ = std::max(steps_, window.height);
      for (const Tap& tap : window.taps) {
        firstRow_ = std::min(firstRow_, tap.row);
        lastRow_ = std::max(lastRow_, tap.row);
        firstColumn_ = std::min(firstColumn_, tap.column);
        endColumn_ = std::max(endColumn_, (window.width - 1) * stride_ + tap.column + 1);
      }
    }
    lines_ = lastRow_ - firstRow_ + 1;
    // A line more than the pixels, so that lines do not fall on the same cache sets.
    lineElements_ = static_cast<std::ptrdiff_t>(endColumn_ - firstColumn_ + 1) * kBlock;
  }

  // Floats of the ring and of the zeros.
  std::ptrdiff_t elements() const { return (lines_ + 1) * lineElements_; }
  // Rows of results that follow each other: row y of each window is made in step y.
  int steps() const { return steps_; }

  // Before the first plane of a run: what no image fills stays zero.
  void clear(float* ring) const { std::fill(ring, ring + elements(), 0.0f); }

  // Takes in the rows of a step; `next` = the first row of the plane that was not taken in yet, 0 before the first step.
  template <class T, class Load>
  void fill(const T* plane, const Load& load, int step, int& next, float* ring) const {
    const int last = std::min(height_ - 1, step * stride_ + lastRow_);
    const int first = std::max(0, firstColumn_);
    const int end = std::min(width_, endColumn_);
    for (int row = std::max(next, step * stride_ + firstRow_); row <= last; row++) {
      float* line = lineOf(ring, row);
      const T* source = plane + static_cast<std::ptrdiff_t>(row) * width_ * kBlock;
      for (int column = first; column < end; column++) {
        load(source + column * kBlock).store(line + (column - firstColumn_) * kBlock);
      }
    }
    next = std::max(next, last + 1);
  }

  // The pixel that the first result of a step's row meets with the tap.
  const float* at(const float* ring, int step, const Tap& tap) const {
    const int row = step * stride_ + tap.row;
    const bool inside = row >= 0 && row < height_;
    const float* line = inside ? lineOf(ring, row) : ring + lines_ * lineElements_;
    return line + (tap.column - firstColumn_) * kBlock;
  }

 private:
  template <class Float>
  Float* lineOf(Float* ring, int row) const {
    return ring + row % lines_ * lineElements_;
  }

  const int height_;
  const int width_;
  const int stride_;
  int steps_ = 0;
  int firstRow_ = 0;
  int lastRow_ = 0;
  int firstColumn_ = 0;
  int endColumn_ = 1;
  int lines_ = 1;
  std::ptrdiff_t lineElements_ = 0;
};

}  // namespace one
