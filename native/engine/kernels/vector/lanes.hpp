// Vectors of L floats, loaded from and stored to f32 or bf16 memory, of whatever registers the processor has. L = 16 and 8 are
// blocks of channels; L = 1 serves every other layout.
#pragma once
#include <cstdint>
#include <cstring>

#if defined(__AVX512BF16__)
#include <immintrin.h>
#endif

namespace one {

// Floats in a register: the compiler keeps vectors of more in memory.
#if defined(__AVX512F__)
constexpr int kRegisterLanes = 16;
#elif defined(__AVX__)
constexpr int kRegisterLanes = 8;
#else
constexpr int kRegisterLanes = 4;
#endif
// Registers of vectors: AVX-512 and NEON have 32, others 16.
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int kRegisters = 32;
#else
constexpr int kRegisters = 16;
#endif

// A bf16 element in memory: the upper half of an f32.
struct Bf16 {
  std::uint16_t bits;
};

inline float widen(Bf16 value) {
  const std::uint32_t bits = static_cast<std::uint32_t>(value.bits) << 16;
  float result;
  std::memcpy(&result, &bits, sizeof result);
  return result;
}
inline float widen(float value) { return value; }

// Round to nearest, ties to even; NaN stays NaN.
inline void narrow(float value, Bf16& target) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  const bool nan = value != value;
  target.bits = nan ? static_cast<std::uint16_t>((bits >> 16) | 0x40)
                    : static_cast<std::uint16_t>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}
inline void narrow(float value, float& target) { target = value; }

// The compiler's vectors; written out, as g++ 12 does not convert vectors whose size depends on a template's parameter.
template <int L>
struct LaneTypes;
template <>
struct LaneTypes<16> {
  typedef float Floats __attribute__((vector_size(64)));
  typedef std::int32_t Ints __attribute__((vector_size(64)));
  typedef std::uint32_t Words __attribute__((vector_size(64)));
  typedef std::uint16_t Halves __attribute__((vector_size(32)));
};
template <>
struct LaneTypes<8> {
  typedef float Floats __attribute__((vector_size(32)));
  typedef std::int32_t Ints __attribute__((vector_size(32)));
  typedef std::uint32_t Words __attribute__((vector_size(32)));
  typedef std::uint16_t Halves __attribute__((vector_size(16)));
};

template <>
struct LaneTypes<4> {
  typedef float Floats __attribute__((vector_size(16)));
  typedef std::int32_t Ints __attribute__((vector_size(16)));
  typedef std::uint32_t Words __attribute__((vector_size(16)));
  typedef std::uint16_t Halves __attribute__((vector_size(8)));
};

template <int L, bool kInRegister = (L <= kRegisterLanes)>
struct Lanes {
  using Floats = typename LaneTypes<L>::Floats;
  using Ints = typename LaneTypes<L>::Ints;
  using Words = typename LaneTypes<L>::Words;
  using Halves = typename LaneTypes<L>::Halves;
  Floats v;

  // value - 0 is value, even for -0, so that this is one broadcast; value + 0 would be an addition.
  static Lanes fill(float value) { return {value - Floats{}}; }

  static Lanes load(const float* from) {
    Lanes result;
    std::memcpy(&result.v, from, sizeof result.v);
    return result;
  }
  static Lanes load(const Bf16* from) {
    Halves halves;
    std::memcpy(&halves, from, sizeof halves);
    const Words words = __builtin_convertvector(halves, Words) << 16;
    Lanes result;
    std::memcpy(&result.v, &words, sizeof words);
    return result;
  }
  void store(float* to) const { std::memcpy(to, &v, sizeof v); }
  void store(Bf16* to) const {
#if defined(__AVX512BF16__)
    if constexpr (L == 16) {
      __m512 wide;
      std::memcpy(&wide, &v, sizeof wide);
      const __m256bh halves = _mm512_cvtneps_pbh(wide);
      std::memcpy(to, &halves, sizeof halves);
      return;
    }
#endif
    Words words;
    std::memcpy(&words, &v, sizeof words);
    const Words rounded = (words + 0x7fff + ((words >> 16) & 1)) >> 16;
    const Words quiet = (words >> 16) | 0x40;
    const Ints nan = v != v;
    Words mask;
    std::memcpy(&mask, &nan, sizeof mask);
    const Words chosen = (quiet & mask) | (rounded & ~mask);
    const Halves halves = __builtin_convertvector(chosen, Halves);
    std::memcpy(to, &halves, sizeof halves);
  }

  Lanes operator+(Lanes other) const { return {v + other.v}; }
  Lanes operator-(Lanes other) const { return {v - other.v}; }
  Lanes operator*(Lanes other) const { return {v * other.v}; }
  Lanes operator/(Lanes other) const { return {v / other.v}; }
  Lanes& operator+=(Lanes other) {
    v += other.v;
    return *this;
  }
  // The nearest bf16 numbers.
  Lanes rounded() const {
    Bf16 halves[L];
    store(halves);
    return load(halves);
  }
  // max(x, 0)
  Lanes rectified() const { return where(*this, *this); }
  // `value` in the lanes where `sign` is positive, 0 elsewhere.
  static Lanes where(Lanes sign, Lanes value) {
    const Ints mask = sign.v > Floats{};
    Ints bits;
    std::memcpy(&bits, &value.v, sizeof bits);
    bits &= mask;
    Lanes result;
    std::memcpy(&result.v, &bits, sizeof bits);
    return result;
  }
  // The smaller of each lane.
  static Lanes smaller(Lanes one, Lanes other) { return {one.v < other.v ? one.v : other.v}; }
  // The larger of each lane; NaN wins, as in PyTorch.
  static Lanes larger(Lanes one, Lanes other) {
    const auto wins = (other.v > one.v) | (other.v != other.v);
    return {wins ? other.v : one.v};
  }
  // `value` in the lanes where both are equal.
  static Lanes whereEqual(Lanes one, Lanes other, Lanes value, Lanes otherwise) {
    return {one.v == other.v ? value.v : otherwise.v};
  }
};

// Vectors that no register holds, as two of half the lanes.
template <int L>
struct Lanes<L, false> {
  using Half = Lanes<L / 2>;
  Half low;
  Half high;

  static Lanes fill(float value) { return {Half::fill(value), Half::fill(value)}; }
  template <class T>
  static Lanes load(const T* from) {
    return {Half::load(from), Half::load(from + L / 2)};
  }
  template <class T>
  void store(T* to) const {
    low.store(to);
    high.store(to + L / 2);
  }
  Lanes operator+(Lanes other) const { return {low + other.low, high + other.high}; }
  Lanes operator-(Lanes other) const { return {low - other.low, high - other.high}; }
  Lanes operator*(Lanes other) const { return {low * other.low, high * other.high}; }
  Lanes operator/(Lanes other) const { return {low / other.low, high / other.high}; }
  Lanes& operator+=(Lanes other) {
    low += other.low;
    high += other.high;
    return *this;
  }
  Lanes rounded() const { return {low.rounded(), high.rounded()}; }
  Lanes rectified() const { return {low.rectified(), high.rectified()}; }
  static Lanes where(Lanes sign, Lanes value) {
    return {Half::where(sign.low, value.low), Half::where(sign.high, value.high)};
  }
  static Lanes smaller(Lanes one, Lanes other) {
    return {Half::smaller(one.low, other.low), Half::smaller(one.high, other.high)};
  }
  static Lanes larger(Lanes one, Lanes other) {
    return {Half::larger(one.low, other.low), Half::larger(one.high, other.high)};
  }
  static Lanes whereEqual(Lanes one, Lanes other, Lanes value, Lanes otherwise) {
    return {Half::whereEqual(one.low, other.low, value.low, otherwise.low),
            Half::whereEqual(one.high, other.high, value.high, otherwise.high)};
  }
};

// One element at a time, for layouts without blocks.
template <>
struct Lanes<1, true> {
  float v;

  static Lanes fill(float value) { return {value}; }
  static Lanes load(const float* from) { return {*from}; }
  static Lanes load(const Bf16* from) { return {widen(*from)}; }
  void store(float* to) const { *to = v; }
  void store(Bf16* to) const { narrow(v, *to); }
  Lanes operator+(Lanes other) const { return {v + other.v}; }
  Lanes operator-(Lanes other) const { return {v - other.v}; }
  Lanes operator*(Lanes other) const { return {v * other.v}; }
  Lanes operator/(Lanes other) const { return {v / other.v}; }
  Lanes& operator+=(Lanes other) {
    v += other.v;
    return *this;
  }
  Lanes rounded() const {
    Bf16 half;
    store(&half);
    return load(&half);
  }
  Lanes rectified() const { return {v > 0 ? v : 0}; }
  static Lanes where(Lanes sign, Lanes value) { return {sign.v > 0 ? value.v : 0}; }
  static Lanes smaller(Lanes one, Lanes other) { return {one.v < other.v ? one.v : other.v}; }
  static Lanes larger(Lanes one, Lanes other) { return {other.v > one.v || other.v != other.v ? other.v : one.v}; }
  static Lanes whereEqual(Lanes one, Lanes other, Lanes value, Lanes otherwise) {
    return one.v == other.v ? value : otherwise;
  }
};

}  // namespace one
