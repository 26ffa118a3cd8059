// Reads the 32-bit words in which src/engine/executors/cpu/plan-words.ts writes a plan.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <stdexcept>

namespace one {

class WordReader {
 public:
  WordReader(const std::int32_t* words, std::size_t count) : words_(words), count_(count) {}

  bool done() const { return place_ == count_; }
  std::int32_t integer() {
    if (place_ >= count_) throw std::runtime_error("Expected another word in the plan but received its end");
    return words_[place_++];
  }
  float number() {
    const std::int32_t bits = integer();
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
  }
  // A count or an index: not negative.
  std::size_t size() {
    const std::int32_t value = integer();
    if (value < 0) throw std::runtime_error("Expected a count in the plan but received a negative word");
    return static_cast<std::size_t>(value);
  }

 private:
  const std::int32_t* words_;
  std::size_t count_;
  std::size_t place_ = 0;
};

}  // namespace one
