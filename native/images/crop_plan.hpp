// Where an image's pixels come from and go to: box of the image -> resize of the whole box -> window of the result.
#pragma once
#include <cstddef>
#include <cstdint>

namespace images {

struct CropPlan {
  // Box in pixels of the image decoded whole.
  int left, top, width, height;
  // Size of the box after the resize.
  int resizedWidth, resizedHeight;
  // Part of the resized box that is written.
  int windowLeft, windowTop, windowWidth, windowHeight;
  // The window is written mirrored left to right.
  bool flip;
  // A JPEG may be decoded at 1/2, 1/4 or 1/8 of its size where the box is so much larger than the result.
  bool scaled;
};

// Words of a plan as they come from TypeScript, in the order of the fields above.
constexpr std::size_t PLAN_WORDS = 12;

inline CropPlan readPlan(const std::int32_t* words) {
  return {words[0], words[1], words[2], words[3], words[4],       words[5],
          words[6], words[7], words[8], words[9], words[10] != 0, words[11] != 0};
}

// Null where box, sizes and window fit an image of this size, else what does not.
inline const char* faultOf(const CropPlan& plan, int imageWidth, int imageHeight) {
  const auto inside = [](int start, int length, int whole) {
    return start >= 0 && length > 0 && length <= whole && start <= whole - length;
  };
  if (!inside(plan.left, plan.width, imageWidth) || !inside(plan.top, plan.height, imageHeight)) {
    return "the crop lies outside of the image";
  }
  if (!inside(plan.windowLeft, plan.windowWidth, plan.resizedWidth) ||
      !inside(plan.windowTop, plan.windowHeight, plan.resizedHeight)) {
    return "the window lies outside of the resized crop";
  }
  return nullptr;
}

inline std::size_t windowBytes(const CropPlan& plan) {
  return static_cast<std::size_t>(plan.windowWidth) * static_cast<std::size_t>(plan.windowHeight) * 3;
}

}  // namespace images
