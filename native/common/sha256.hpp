// SHA-256 (FIPS 180-4) and HMAC over it (RFC 2104), for the few hundred bytes of a handshake. Header only.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

namespace net {

using Digest = std::array<unsigned char, 32>;

class Sha256 {
 public:
  void update(const void* bytes, std::size_t size) {
    const auto* from = static_cast<const unsigned char*>(bytes);
    for (std::size_t place = 0; place < size; place++) {
      block_[length_++ % block_.size()] = from[place];
      if (length_ % block_.size() == 0) compress();
    }
  }

  Digest finish() {
    const std::uint64_t bits = length_ * 8;
    const unsigned char one = 0x80;
    const unsigned char zero = 0;
    update(&one, 1);
    while (length_ % block_.size() != block_.size() - 8) update(&zero, 1);
    for (int shift = 56; shift >= 0; shift -= 8) {
      const auto byte = static_cast<unsigned char>(bits >> shift);
      update(&byte, 1);
    }
    Digest digest{};
    for (std::size_t place = 0; place < digest.size(); place++) {
      digest[place] = static_cast<unsigned char>(state_[place / 4] >> (24 - 8 * (place % 4)));
    }
    return digest;
  }

 private:
  static std::uint32_t rotated(std::uint32_t word, int by) { return (word >> by) | (word << (32 - by)); }

  void compress() {
    // The first 32 bits of the fractional parts of the cube roots of the first 64 primes.
    static constexpr std::array<std::uint32_t, 64> constants = {
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
        0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
        0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
        0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
        0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
        0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};
    std::array<std::uint32_t, 64> words{};
    for (std::size_t place = 0; place < 16; place++) {
      for (std::size_t byte = 0; byte < 4; byte++) words[place] = words[place] << 8 | block_[4 * place + byte];
    }
    for (std::size_t place = 16; place < 64; place++) {
      const std::uint32_t early = words[place - 15];
      const std::uint32_t late = words[place - 2];
      words[place] = words[place - 16] + words[place - 7] + (rotated(early, 7) ^ rotated(early, 18) ^ early >> 3) +
                     (rotated(late, 17) ^ rotated(late, 19) ^ late >> 10);
    }
    auto [a, b, c, d, e, f, g, h] = state_;
    for (std::size_t round = 0; round < 64; round++) {
      const std::uint32_t first = h + (rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)) + ((e & f) ^ (~e & g)) +
                                  constants[round] + words[round];
      const std::uint32_t second = (rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
      h = g;
      g = f;
      f = e;
      e = d + first;
      d = c;
      c = b;
      b = a;
      a = first + second;
    }
    const std::array<std::uint32_t, 8> mixed = {a, b, c, d, e, f, g, h};
    for (std::size_t place = 0; place < 8; place++) state_[place] += mixed[place];
  }

  // The first 32 bits of the fractional parts of the square roots of the first 8 primes.
  std::array<std::uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                         0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<unsigned char, 64> block_{};
  std::uint64_t length_ = 0;
};

// Keys longer than a block are hashed first.
inline Digest hmacSha256(const std::string& key, const std::string& message) {
  std::array<unsigned char, 64> inner{};
  if (key.size() > inner.size()) {
    Sha256 hash;
    hash.update(key.data(), key.size());
    const Digest shorter = hash.finish();
    std::memcpy(inner.data(), shorter.data(), shorter.size());
  } else {
    std::memcpy(inner.data(), key.data(), key.size());
  }
  std::array<unsigned char, 64> outer = inner;
  for (unsigned char& byte : inner) byte ^= 0x36;
  for (unsigned char& byte : outer) byte ^= 0x5c;
  Sha256 hash;
  hash.update(inner.data(), inner.size());
  hash.update(message.data(), message.size());
  const Digest within = hash.finish();
  Sha256 around;
  around.update(outer.data(), outer.size());
  around.update(within.data(), within.size());
  return around.finish();
}

}  // namespace net
