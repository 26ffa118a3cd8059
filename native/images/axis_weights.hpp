// Weights of an antialiased bilinear resize along one axis, as Pillow computes them (Image.resize with BILINEAR): a
// triangle as wide as two input pixels, or as two output pixels where the image shrinks. Its slow twin is
// src/data/images/axis-weights.ts; both are to give the same words.
#pragma once
#include <cstdint>
#include <vector>

namespace images {

// One axis of a crop, in pixels of the decoded image (which may be a scaled one: then start and end are fractions).
struct Axis {
  // The box that is resized.
  double start, end;
  // Input pixels that may be read: those of the box.
  int low, high;
  // Pixels of the whole result, and the part of it that is wanted.
  int resized, windowStart, windowLength;
  bool mirrored;
};

struct AxisWeights {
  // Binary digits after the point of a weight.
  int shift = 0;
  // Weights kept for each output: the same for all, zeros behind the last.
  int taps = 0;
  // Input pixels begin .. end - 1 are read.
  int begin = 0, end = 0;
  // First input pixel of each output, and how many it has.
  std::vector<int> first, count;
  // [output][tap], each output's sum = 1 << shift.
  std::vector<std::int16_t> weights;

  // `multiple`: taps are rounded up to it.
  void compute(const Axis& axis, int multiple);

 private:
  std::vector<double> exact_;
};

}  // namespace images
