#include "kernels/elementwise/elementwise.hpp"

#include <cstring>
#include <vector>

#include "kernels/vector/lanes.hpp"
#include "kernels/vector/planes.hpp"

namespace one {
namespace {

// Where channel c of pixel p of sample n lies, in elements.
std::ptrdiff_t place(const Activation& tensor, int sample, int channel, int pixel) {
  return sample * tensor.sampleStride + static_cast<std::ptrdiff_t>(channel / tensor.lanes) * tensor.blockStride +
         pixel * tensor.pixelStride + channel % tensor.lanes;
}

template <class T>
void copyFromPlain(const Activation& tensor, const Worker& worker, const float* source) {
  T* target = worker.at<T>(tensor);
  std::memset(target, 0, tensor.bytes(worker.samples));
  for (int sample = 0; sample < worker.samples; sample++) {
    for (int channel = 0; channel < tensor.channels; channel++) {
      for (int pixel = 0; pixel < tensor.pixels(); pixel++) {
        narrow(*source++, target[place(tensor, sample, channel, pixel)]);
      }
    }
  }
}

template <class T>
void copyToPlainOf(const Activation& tensor, const Worker& worker, float* target) {
  const T* source = worker.at<T>(tensor);
  for (int sample = 0; sample < worker.samples; sample++) {
    for (int channel = 0; channel < tensor.channels; channel++) {
      for (int pixel = 0; pixel < tensor.pixels(); pixel++) {
        *target++ = widen(source[place(tensor, sample, channel, pixel)]);
      }
    }
  }
}

// u8 [B, H, W, C] -> (x / 255 - mean) / std, through a table of the 256 values of each channel.
class Normalise : public Instruction {
 public:
  Normalise(WordReader& words, PlanBuilder& builder) : y_(builder.tensor(words)) {
    std::vector<float> mean;
    for (int c = 0; c < y_.channels; c++) mean.push_back(words.number());
    for (int c = 0; c < y_.channels; c++) {
      const float std = words.number();
      for (int value = 0; value < 256; value++) {
        table_.push_back((static_cast<float>(value) / 255.0f - mean[static_cast<std::size_t>(c)]) / std);
      }
    }
  }

  void run(Worker& worker, const RunArguments& arguments) override {
    withElement(y_.type, [&](auto element) { runAs<decltype(element)>(worker, arguments.images); });
  }

 private:
  template <class T>
  void runAs(const Worker& worker, const std::uint8_t* images) const {
    T* y = worker.at<T>(y_);
    if (y_.paddedChannels() != y_.channels) std::memset(y, 0, y_.bytes(worker.samples));
    const std::ptrdiff_t imageBytes = static_cast<std::ptrdiff_t>(y_.pixels()) * y_.channels;
    for (int sample = 0; sample < worker.samples; sample++) {
      const std::uint8_t* image = images + (worker.firstSample + sample) * imageBytes;
      for (int channel = 0; channel < y_.channels; channel++) {
        const float* table = table_.data() + 256 * channel;
        for (int pixel = 0; pixel < y_.pixels(); pixel++) {
          narrow(table[image[pixel * y_.channels + channel]], y[place(y_, sample, channel, pixel)]);
        }
      }
    }
  }

  const Activation y_;
  std::vector<float> table_;
};

// State [B, ...] in plain f32 -> this thread's rows in the tensor's layout and precision.
class ImportState : public Instruction {
 public:
  ImportState(WordReader& words, PlanBuilder& builder)
      : y_(builder.tensor(words)), source_(builder.state(words.size())) {}

  void run(Worker& worker, const RunArguments&) override {
    const std::ptrdiff_t row = static_cast<std::ptrdiff_t>(y_.channels) * y_.pixels();
    const float* rows = source_ + worker.firstSample * row;
    withElement(y_.type, [&](auto element) { copyFromPlain<decltype(element)>(y_, worker, rows); });
  }

 private:
  const Activation y_;
  const float* source_;
};

// Elementwise over whole slices, padding included: y = f(x...).
template <class From, class To>
void castSlice(const Activation& x, const Activation& y, const Worker& worker) {
  const From* from = worker.at<From>(x);
  To* to = worker.at<To>(y);
  const std::ptrdiff_t count = x.sampleStride * worker.samples;
  for (std::ptrdiff_t at = 0; at < count; at++) narrow(widen(from[at]), to[at]);
}

class Cast : public Instruction {
 public:
  Cast(WordReader& words, PlanBuilder& builder) : x_(builder.tensor(words)), y_(builder.tensor(words)) {}

  void run(Worker& worker, const RunArguments&) override {
    if (x_.type == Type::f32) {
      y_.type == Type::f32 ? castSlice<float, float>(x_, y_, worker) : castSlice<float, Bf16>(x_, y_, worker);
    } else {
      y_.type == Type::f32 ? castSlice<Bf16, float>(x_, y_, worker) : castSlice<Bf16, Bf16>(x_, y_, worker);
    }
  }

 private:
  const Activation x_;
  const Activation y_;
};

template <class T>
void sum(const T* a, const T* b, T* y, std::ptrdiff_t count) {
  constexpr int kLanes = 16;
  std::ptrdiff_t at = 0;
  for (; at + kLanes <= count; at += kLanes) {
    (Lanes<kLanes>::load(a + at) + Lanes<kLanes>::load(b + at)).store(y + at);
  }
  for (; at < count; at++) narrow(widen(a[at]) + widen(b[at]), y[at]);
}

class Add : public Instruction {
 public:
  Add(WordReader& words, PlanBuilder& builder)
      : a_(builder.tensor(words)), b_(builder.tensor(words)), y_(builder.tensor(words)) {}

  void run(Worker& worker, const RunArguments&) override {
    withElement(y_.type, [&](auto element) { runAs<decltype(element)>(worker); });
  }

 private:
  template <class T>
  void runAs(const Worker& worker) const {
    sum(worker.at<T>(a_), worker.at<T>(b_), worker.at<T>(y_), y_.sampleStride * worker.samples);
  }

  const Activation a_;
  const Activation b_;
  const Activation y_;
};

// y = factor x.
class Scale : public Instruction {
 public:
  Scale(WordReader& words, PlanBuilder& builder)
      : x_(builder.tensor(words)), factor_(words.number()), y_(builder.tensor(words)) {}

  void run(Worker& worker, const RunArguments&) override {
    withElement(y_.type, [&](auto element) { runAs<decltype(element)>(worker); });
  }

 private:
  template <class T>
  void runAs(const Worker& worker) const {
    const T* x = worker.at<T>(x_);
    T* y = worker.at<T>(y_);
    const std::ptrdiff_t count = y_.sampleStride * worker.samples;
    for (std::ptrdiff_t at = 0; at < count; at++) narrow(widen(x[at]) * factor_, y[at]);
  }

  const Activation x_;
  const float factor_;
  const Activation y_;
};

}  // namespace

void copyToPlain(const Activation& tensor, const Worker& worker, float* target) {
  withElement(tensor.type, [&](auto element) { copyToPlainOf<decltype(element)>(tensor, worker, target); });
}

void addSlice(const Activation& x, const Worker& worker, const void* y) {
  const std::ptrdiff_t count = x.sampleStride * worker.samples;
  if (x.type == Type::f32) {
    sum(worker.at<float>(x), static_cast<const float*>(y), worker.at<float>(x), count);
  } else {
    sum(worker.at<Bf16>(x), static_cast<const Bf16*>(y), worker.at<Bf16>(x), count);
  }
}

InstructionTable elementwiseInstructions() {
  return {
      {"normalise", make<Normalise>}, {"importState", make<ImportState>}, {"cast", make<Cast>}, {"add", make<Add>},
      {"scale", make<Scale>},
  };
}

}  // namespace one
