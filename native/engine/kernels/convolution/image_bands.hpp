// Lines of a plain image, [channels][height][width], as f32 with the zeros around it: what a convolution of some lines of
// results reads.
#pragma once
#include <algorithm>

#include "kernels/convolution/convolution_window.hpp"
#include "kernels/vector/lanes.hpp"
#include "plan/instruction.hpp"

namespace one {

class ImageBands {
 public:
  ImageBands(const Activation& x, const Activation& y, const Kernel& kernel)
      : x_(x),
        kernel_(kernel),
        resultHeight_(y.height),
        resultWidth_(y.width),
        lines_(std::clamp(kPixels / y.width, 1, y.height)),
        width_((y.width - 1) * kernel.stride + kernel.width),
        plane_(static_cast<std::ptrdiff_t>((lines_ - 1) * kernel.stride + kernel.height) * width_) {}

  // Floats of a band.
  std::ptrdiff_t elements() const { return x_.channels * plane_; }
  // Most results of a band.
  int pixels() const { return lines_ * resultWidth_; }
  // From a line of a band, and from a channel, to the next.
  std::ptrdiff_t width() const { return width_; }
  std::ptrdiff_t plane() const { return plane_; }

  // Calls `body(sample, first line of results, lines of results)` for each band of the worker's samples, read into `band`.
  template <class T, class Body>
  void forEach(const Worker& worker, float* band, const Body& body) const {
    for (int sample = 0; sample < worker.samples; sample++) {
      for (int top = 0; top < resultHeight_; top += lines_) {
        const int lines = std::min(lines_, resultHeight_ - top);
        read(worker.at<T>(x_) + sample * x_.sampleStride, top, lines, band);
        body(sample, top, lines);
      }
    }
  }

 private:
  // Results of a band: enough to be worth its edges.
  static constexpr int kPixels = 1024;

  template <class T>
  void read(const T* image, int top, int lines, float* band) const {
    const int rows = (lines - 1) * kernel_.stride + kernel_.height;
    const int left = std::min(kernel_.padding, static_cast<int>(width_));
    const int right = std::clamp(x_.width + kernel_.padding, left, static_cast<int>(width_));
    for (int channel = 0; channel < x_.channels; channel++) {
      for (int row = 0; row < rows; row++) {
        float* target = band + channel * plane_ + row * width_;
        const int y = top * kernel_.stride + row - kernel_.padding;
        if (y < 0 || y >= x_.height) {
          std::fill(target, target + width_, 0.0f);
          continue;
        }
        const T* line = image + channel * x_.blockStride + static_cast<std::ptrdiff_t>(y) * x_.width - kernel_.padding;
        std::fill(target, target + left, 0.0f);
        for (int column = left; column < right; column++) target[column] = widen(line[column]);
        std::fill(target + right, target + width_, 0.0f);
      }
    }
  }

  const Activation x_;
  const Kernel kernel_;
  const int resultHeight_;
  const int resultWidth_;
  const int lines_;
  const std::ptrdiff_t width_;
  const std::ptrdiff_t plane_;
};

}  // namespace one
