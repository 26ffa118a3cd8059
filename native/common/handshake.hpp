// How two ends of a connection prove to each other that they share a key before anything else is read; the messages are
// those of src/train/hosts/handshake.ts. Header only.
#pragma once
#include <sys/random.h>

#include <array>
#include <cstring>
#include <stdexcept>
#include <string>

#include "sha256.hpp"
#include "socket.hpp"

namespace net {

using Nonce = std::array<unsigned char, 32>;

struct ListenerGreeting {
  std::array<char, 8> magic = {'N', 'E', '-', 'H', 'O', 'S', 'T', '3'};
  Nonce nonce{};
};

struct ConnectorAnswer {
  Nonce nonce{};
  Digest proof{};
};

inline Nonce drawNonce() {
  Nonce nonce{};
  // Up to 256 bytes come whole.
  if (getrandom(nonce.data(), nonce.size(), 0) != static_cast<ssize_t>(nonce.size())) {
    throw std::runtime_error("Expected random bytes of the system but received none");
  }
  return nonce;
}

// `use`: what the connection is for. A proof for one use is none for another.
inline Digest prove(const std::string& key, const char* role, const std::string& use, const Nonce& listener,
                    const Nonce& connector) {
  std::string message = role;
  message += '\0';
  message += use;
  message += '\0';
  message.append(listener.begin(), listener.end());
  message.append(connector.begin(), connector.end());
  return hmacSha256(key, message);
}

// In a time that tells nothing of where they differ.
inline bool same(const Digest& left, const Digest& right) {
  int difference = 0;
  for (std::size_t place = 0; place < left.size(); place++) difference |= left[place] ^ right[place];
  return difference == 0;
}

enum class Meeting { proved, ended, otherKey };

// Proves this end to a listener, and takes its proof. `ended`: the connection ended, the time is over, or another program
// answers.
inline Meeting introduce(const Socket& socket, const std::string& key, const std::string& use, Deadline until) {
  ListenerGreeting greeting;
  if (!receiveAll(socket, &greeting, sizeof greeting, until)) return Meeting::ended;
  if (greeting.magic != ListenerGreeting().magic) return Meeting::ended;
  ConnectorAnswer answer;
  answer.nonce = drawNonce();
  answer.proof = prove(key, "connector", use, greeting.nonce, answer.nonce);
  Digest proof{};
  if (!sendAll(socket, &answer, sizeof answer, until)) return Meeting::ended;
  if (!receiveAll(socket, &proof, sizeof proof, until)) return Meeting::ended;
  const bool shared = same(proof, prove(key, "listener", use, greeting.nonce, answer.nonce));
  return shared ? Meeting::proved : Meeting::otherKey;
}

}  // namespace net
