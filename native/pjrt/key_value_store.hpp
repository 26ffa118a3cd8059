// The key-value store through which the clients of several hosts find each other: held by the leader
// (src/train/hosts/key-value-store.ts), reached over TCP, one connection a call.
#pragma once

#include <stdexcept>
#include <string>

#include "../common/handshake.hpp"
#include "abi.hpp"

namespace pjrt {

/// The store was reached, and what was asked for is not there (in time).
struct NoSuchKey : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Calls may come from any thread of the plugin. All throw std::runtime_error where the store cannot be reached.
class KeyValueStore {
 public:
  /// `prefix` goes in front of each key, so that a process can open clients one after the other; `secret` is what store and
  /// client prove to each other.
  KeyValueStore(net::HostAddress address, std::string prefix, std::string secret)
      : address_(std::move(address)), prefix_(std::move(prefix)), secret_(std::move(secret)) {}

  /// Waits for the key at most so long. Throws NoSuchKey where it does not come.
  std::string get(const std::string& key, int timeoutMilliseconds) const;
  /// Throws NoSuchKey where it is not there now.
  std::string tryGet(const std::string& key) const { return get(key, 0); }
  void put(const std::string& key, const std::string& value) const;

 private:
  net::HostAddress address_;
  std::string prefix_;
  std::string secret_;
};

/// Lets a client that is being created use the store, which must outlive it.
void offerStore(ClientCreateArgs& create, KeyValueStore& store);

}  // namespace pjrt
