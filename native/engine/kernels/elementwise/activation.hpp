// How a tensor of a plan lies in a thread's arena.
#pragma once
#include <cstddef>
#include <cstdint>

namespace one {

enum class Type : std::int32_t { f32 = 0, bf16 = 1 };
// plain = [N, C, H, W] as it stands; vectorised = the machine's own layout (nChw16c, nChw8c or channels last).
enum class Layout : std::int32_t { plain = 0, vectorised = 1 };

inline std::size_t bytesOf(Type type) { return type == Type::f32 ? 4 : 2; }

// Channels are taken `lanes` at a time: lane block b of pixel s of sample n begins at
// n sampleStride + b blockStride + s pixelStride.
struct Activation {
  std::size_t offset = 0;  // bytes into the thread's arena
  int channels = 0;
  int height = 1;
  int width = 1;
  Type type = Type::f32;
  Layout layout = Layout::plain;

  int lanes = 1;
  int blocks = 0;
  std::ptrdiff_t blockStride = 0;
  std::ptrdiff_t pixelStride = 0;
  std::ptrdiff_t sampleStride = 0;  // elements, padding channels included
  bool part = false;                // the first channels of a larger tensor

  int pixels() const { return height * width; }
  int paddedChannels() const { return lanes * blocks; }
  std::size_t bytes(int samples) const {
    return static_cast<std::size_t>(sampleStride) * static_cast<std::size_t>(samples) * bytesOf(type);
  }
  // Whether elements of equal place lie at equal distances within a sample.
  bool samplesLieAs(const Activation& other) const {
    return type == other.type && lanes == other.lanes && blocks == other.blocks && blockStride == other.blockStride &&
           pixelStride == other.pixelStride;
  }
  // Channels first .. first + count - 1, where both are multiples of the lanes.
  Activation channelRange(int first, int count) const {
    Activation range = *this;
    range.offset += static_cast<std::size_t>(first / lanes * blockStride) * bytesOf(type);
    range.channels = count;
    range.blocks = count / lanes;
    return range;
  }
  // Makes the tensor, in blocks of channels, the first part of one of `wholeChannels`.
  void layWithin(int wholeChannels) {
    sampleStride = (wholeChannels + lanes - 1) / lanes * blockStride;
    part = true;
  }
  // Fills the derived fields. `block`: channels of the machine's block, 0 = channels last.
  void lay(int block) {
    const std::ptrdiff_t size = pixels();
    if (layout == Layout::plain) {
      lanes = 1;
      blocks = channels;
      blockStride = size;
      pixelStride = 1;
      sampleStride = channels * size;
    } else if (block == 0) {
      lanes = channels % 16 == 0 ? 16 : channels % 8 == 0 ? 8 : 1;
      blocks = channels / lanes;
      blockStride = lanes;
      pixelStride = channels;
      sampleStride = channels * size;
    } else {
      lanes = block;
      blocks = (channels + block - 1) / block;
      blockStride = size * block;
      pixelStride = block;
      sampleStride = blocks * blockStride;
    }
  }
};

}  // namespace one
