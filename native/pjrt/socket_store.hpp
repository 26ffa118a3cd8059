// The key-value store of a run on several hosts, held by host 0 and reached over TCP.
#pragma once

#include <string>

#include "client.hpp"

namespace pjrt {

/// Client of src/executors/xla/key-value-server.ts, one connection a call. Messages are lengths (u32, little-endian)
/// and bytes: `get <timeout ms>`, `try` or `put`, then the key, then the value (empty but for put). Answers are `ok` and
/// the value, `none`, or `late`.
class SocketStore : public KeyValueStore {
 public:
  SocketStore(std::string host, int port) : host_(std::move(host)), port_(std::to_string(port)) {}

  std::string get(const std::string& key, int timeoutMilliseconds) override;
  bool tryGet(const std::string& key, std::string& value) override;
  void put(const std::string& key, const std::string& value) override;

 private:
  struct Answer {
    std::string kind;
    std::string value;
  };
  Answer ask(const std::string& request, const std::string& key, const std::string& value) const;

  std::string host_;
  std::string port_;
};

}  // namespace pjrt
