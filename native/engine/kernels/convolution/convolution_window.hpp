// Which pixels a convolution, or the gradient of its input, multiplies with which taps of its filters.
#pragma once
#include <vector>

namespace one {

// What is added to the place of an input pixel, and which of the filter's kernelHeight x kernelWidth elements it meets.
struct Tap {
  int row;
  int column;
  int filter;
};

// Results at (top + y resultStride, left + x resultStride), y < height, x < width, each the sum over taps of input pixels
// (y inputStride + row, x inputStride + column); pixels outside of the image are 0.
struct Window {
  int height;
  int width;
  int inputStride = 1;
  int resultStride = 1;
  int top = 0;
  int left = 0;
  std::vector<Tap> taps;

  int pixels() const { return height * width; }
};

struct Kernel {
  int height;
  int width;
  int stride;
  int padding;
  int taps() const { return height * width; }
};

inline Window forwardWindow(int height, int width, const Kernel& kernel) {
  Window window{height, width, kernel.stride, 1, 0, 0, {}};
  for (int tap = 0; tap < kernel.taps(); tap++) {
    window.taps.push_back({tap / kernel.width - kernel.padding, tap % kernel.width - kernel.padding, tap});
  }
  return window;
}

// The gradient of an input of height x width: pixels whose places leave the same remainders by the stride see the same taps.
inline std::vector<Window> transposedWindows(int height, int width, const Kernel& kernel) {
  const int stride = kernel.stride;
  std::vector<Window> windows;
  for (int top = 0; top < stride && top < height; top++) {
    for (int left = 0; left < stride && left < width; left++) {
      Window window{
          (height - top + stride - 1) / stride, (width - left + stride - 1) / stride, 1, stride, top, left, {}};
      for (int tap = 0; tap < kernel.taps(); tap++) {
        const int row = top + kernel.padding - tap / kernel.width;
        const int column = left + kernel.padding - tap % kernel.width;
        if (row % stride == 0 && column % stride == 0) window.taps.push_back({row / stride, column / stride, tap});
      }
      windows.push_back(std::move(window));
    }
  }
  return windows;
}

}  // namespace one
