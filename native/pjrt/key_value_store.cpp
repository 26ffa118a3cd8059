#include "key_value_store.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <thread>

namespace pjrt {

namespace {

/// How long the leader may take to answer beyond the time that a call may wait for a key.
constexpr net::Milliseconds patience{10000};
constexpr net::Milliseconds pause{100};
/// Of one attempt.
constexpr net::Milliseconds knockPatience{5000};

// absl::StatusCode.
constexpr int deadlineExceeded = 4;
constexpr int notFound = 5;
constexpr int unavailable = 14;

/// In front of a request: `value` bytes follow the key's in a put, a get waits so long.
struct RequestHead {
  std::uint32_t put;
  std::uint32_t timeoutMilliseconds;
  std::uint32_t keySize;
  std::uint32_t valueSize;
};
struct AnswerHead {
  std::uint32_t found;
  std::uint32_t valueSize;
};

/// Sends a request and takes its answer: the value, where one is there. Numbers are little-endian, as on all machines that
/// plugins exist for.
std::string ask(const net::HostAddress& address, const std::string& secret, const RequestHead& head,
                const std::string& body) {
  const std::string place = address.host + ":" + std::to_string(address.port);
  const net::Deadline until = net::Clock::now() + patience + net::Milliseconds(head.timeoutMilliseconds);
  net::Socket socket;
  for (;;) {
    const net::Deadline soon = std::min(until, net::Clock::now() + knockPatience);
    socket = net::tryConnect(address, soon);
    const net::Meeting met = socket.open() ? net::introduce(socket, secret, "store", soon) : net::Meeting::ended;
    if (met == net::Meeting::proved) break;
    if (met == net::Meeting::otherKey) {
      throw std::runtime_error("the hosts' key-value store at " + place + " has another key");
    }
    if (net::Clock::now() > until) {
      throw std::runtime_error("the hosts' key-value store at " + place + " does not answer");
    }
    std::this_thread::sleep_for(pause);
  }
  AnswerHead answer{};
  std::string value;
  bool whole = net::sendAll(socket, &head, sizeof head, until) &&
               net::sendAll(socket, body.data(), body.size(), until) &&
               net::receiveAll(socket, &answer, sizeof answer, until);
  if (whole && answer.found != 0) {
    value.resize(answer.valueSize);
    whole = net::receiveAll(socket, &value[0], value.size(), until);
  }
  if (!whole) throw std::runtime_error("the hosts' key-value store at " + place + " went away");
  if (answer.found == 0) {
    throw NoSuchKey("no host told " + body + " within " + std::to_string(head.timeoutMilliseconds) + " ms");
  }
  return value;
}

std::uint32_t sizeOf(const std::string& text) { return static_cast<std::uint32_t>(text.size()); }

void freeCopied(char* bytes) { std::free(bytes); }

template <class Args>
void handOver(Args* args, const std::string& value) {
  auto* bytes = static_cast<char*>(std::malloc(value.size() + 1));
  if (bytes == nullptr) throw std::bad_alloc();
  std::memcpy(bytes, value.data(), value.size());
  bytes[value.size()] = '\0';
  args->value = bytes;
  args->valueSize = value.size();
  args->deleteValue = &freeCopied;
}

/// Does a callback's work; its exceptions become the plugin's errors.
template <class Args, class Work>
Error* answered(Args* args, int absentCode, Work work) {
  const auto fail = [&](int code, const char* message) {
    return (*args->callbackError)(code, message, std::strlen(message));
  };
  try {
    work(*static_cast<const KeyValueStore*>(args->userArgument), std::string(args->key, args->keySize));
    return nullptr;
  } catch (const NoSuchKey& absent) {
    return fail(absentCode, absent.what());
  } catch (const std::exception& error) {
    return fail(unavailable, error.what());
  }
}

Error* keyValueGet(KeyValueGetArgs* args) {
  return answered(args, deadlineExceeded, [&](const KeyValueStore& store, const std::string& key) {
    handOver(args, store.get(key, args->timeoutMilliseconds));
  });
}

Error* keyValueTryGet(KeyValueTryGetArgs* args) {
  return answered(args, notFound,
                  [&](const KeyValueStore& store, const std::string& key) { handOver(args, store.tryGet(key)); });
}

Error* keyValuePut(KeyValuePutArgs* args) {
  return answered(args, unavailable, [&](const KeyValueStore& store, const std::string& key) {
    store.put(key, std::string(args->value, args->valueSize));
  });
}

}  // namespace

std::string KeyValueStore::get(const std::string& key, int timeoutMilliseconds) const {
  const std::string body = prefix_ + key;
  const auto timeout = static_cast<std::uint32_t>(timeoutMilliseconds > 0 ? timeoutMilliseconds : 0);
  return ask(address_, secret_, {0, timeout, sizeOf(body), 0}, body);
}

void KeyValueStore::put(const std::string& key, const std::string& value) const {
  const std::string whole = prefix_ + key;
  ask(address_, secret_, {1, 0, sizeOf(whole), sizeOf(value)}, whole + value);
}

void offerStore(ClientCreateArgs& create, KeyValueStore& store) {
  create.keyValueGet = &keyValueGet;
  create.keyValueGetArgument = &store;
  create.keyValuePut = &keyValuePut;
  create.keyValuePutArgument = &store;
  create.keyValueTryGet = &keyValueTryGet;
  create.keyValueTryGetArgument = &store;
}

}  // namespace pjrt
