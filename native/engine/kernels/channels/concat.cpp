#include "kernels/channels/concat.hpp"

#include <cstring>
#include <numeric>
#include <vector>

#include "kernels/vector/lanes.hpp"

namespace one {
namespace {

// First element of a channel in the first sample.
std::ptrdiff_t channelPlace(const Activation& tensor, int channel) {
  return static_cast<std::ptrdiff_t>(channel / tensor.lanes) * tensor.blockStride + channel % tensor.lanes;
}

// A range of channels on its way from one tensor into another of the same image size, whatever their layouts. Channels
// travel in units that lie side by side in both.
struct ChannelCopy {
  Activation from;
  Activation to;
  int fromStart = 0;
  int toStart = 0;
  int channels = 0;

  // Largest power of two that divides both places, the range, and the lanes of both layouts.
  int unit() const {
    constexpr int kMost = 16;
    int unit = std::gcd(std::gcd(from.lanes, to.lanes), kMost);
    for (const int count : {fromStart, toStart, channels}) unit = std::gcd(unit, count);
    return unit;
  }

  void run(const Worker& worker) const {
    if (from.type == Type::f32) {
      runAs<float>(worker);
    } else {
      runAs<Bf16>(worker);
    }
  }

 private:
  template <class T>
  void runAs(const Worker& worker) const {
    switch (unit()) {
      case 16: return copy<T, 16>(worker);
      case 8: return copy<T, 8>(worker);
      case 4: return copy<T, 4>(worker);
      case 2: return copy<T, 2>(worker);
      default: return copy<T, 1>(worker);
    }
  }

  template <class T, int U>
  void copy(const Worker& worker) const {
    for (int sample = 0; sample < worker.samples; sample++) {
      for (int channel = 0; channel < channels; channel += U) {
        const T* source = worker.at<T>(from) + sample * from.sampleStride + channelPlace(from, fromStart + channel);
        T* target = worker.at<T>(to) + sample * to.sampleStride + channelPlace(to, toStart + channel);
        copyPlane<T, U>(source, target);
      }
    }
  }

  template <class T, int U>
  void copyPlane(const T* source, T* target) const {
    const int pixels = from.pixels();
    if (from.pixelStride == U && to.pixelStride == U) {
      std::memcpy(target, source, static_cast<std::size_t>(pixels) * U * sizeof(T));
      return;
    }
    for (int pixel = 0; pixel < pixels; pixel++) {
      std::memcpy(target + pixel * to.pixelStride, source + pixel * from.pixelStride, U * sizeof(T));
    }
  }
};

// The padding channels of a layout's last block are zero in every tensor; the copies do not reach them.
void clearLastBlock(const Activation& tensor, const Worker& worker) {
  if (tensor.paddedChannels() == tensor.channels) return;
  const std::ptrdiff_t elements = static_cast<std::ptrdiff_t>(tensor.pixels()) * tensor.lanes;
  const auto bytes = static_cast<std::ptrdiff_t>(bytesOf(tensor.type));
  for (int sample = 0; sample < worker.samples; sample++) {
    const std::ptrdiff_t place = sample * tensor.sampleStride + (tensor.blocks - 1) * tensor.blockStride;
    std::memset(worker.at<char>(tensor) + place * bytes, 0, static_cast<std::size_t>(elements * bytes));
  }
}

// [B, C1, H, W], [B, C2, H, W], ... -> [B, C1 + C2 + ..., H, W], behind the channels that y holds already.
class Concat : public Instruction {
 public:
  Concat(WordReader& words, PlanBuilder& builder) : y_(builder.tensor(words)), start_(words.integer()) {
    int start = start_;
    for (std::size_t left = words.size(); left > 0; left--) {
      const Activation& x = builder.tensor(words);
      copies_.push_back({x, y_, 0, start, x.channels});
      start += x.channels;
    }
  }

  void run(Worker& worker, const RunArguments&) override {
    // Where the channels that are there reach into the last block, its rest is zero already.
    if ((y_.blocks - 1) * y_.lanes >= start_) clearLastBlock(y_, worker);
    for (const ChannelCopy& copy : copies_) copy.run(worker);
  }

 private:
  const Activation y_;
  const int start_;
  std::vector<ChannelCopy> copies_;
};

// [B, C, H, W] -> the channels from `start` on that y has room for.
class SliceChannels : public Instruction {
 public:
  SliceChannels(WordReader& words, PlanBuilder& builder) {
    copy_.from = builder.tensor(words);
    copy_.to = builder.tensor(words);
    copy_.fromStart = words.integer();
    copy_.channels = copy_.to.channels;
  }

  void run(Worker& worker, const RunArguments&) override {
    clearLastBlock(copy_.to, worker);
    copy_.run(worker);
  }

 private:
  ChannelCopy copy_;
};

}  // namespace

InstructionTable channelInstructions() { return {{"concat", make<Concat>}, {"sliceChannels", make<SliceChannels>}}; }

}  // namespace one
