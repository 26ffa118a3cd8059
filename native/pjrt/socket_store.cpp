#include "socket_store.hpp"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

namespace pjrt {

namespace {

/// How long the first host may take to open its port.
constexpr std::chrono::seconds patience{120};
constexpr std::chrono::milliseconds pause{100};

class Socket {
 public:
  explicit Socket(int descriptor) : descriptor_(descriptor) {}
  Socket(Socket&& other) noexcept : descriptor_(other.descriptor_) { other.descriptor_ = -1; }
  Socket& operator=(Socket&&) = delete;
  Socket(const Socket&) = delete;
  ~Socket() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  int get() const { return descriptor_; }

  void send(const std::string& bytes) const {
    std::size_t sent = 0;
    while (sent < bytes.size()) {
      const ssize_t count = ::send(descriptor_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) throw std::runtime_error(std::string("the key-value store went away: ") + std::strerror(errno));
      sent += static_cast<std::size_t>(count);
    }
  }

  std::string receive(std::size_t size) const {
    std::string bytes(size, '\0');
    std::size_t received = 0;
    while (received < size) {
      const ssize_t count = recv(descriptor_, bytes.data() + received, size - received, 0);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) throw std::runtime_error("the key-value store on host 0 went away");
      received += static_cast<std::size_t>(count);
    }
    return bytes;
  }

 private:
  int descriptor_;
};

std::string framed(const std::string& text) {
  const auto size = static_cast<std::uint32_t>(text.size());
  std::string bytes;
  for (unsigned shift = 0; shift < 32; shift += 8) bytes += static_cast<char>((size >> shift) & 0xffU);
  return bytes + text;
}

std::string receiveFramed(const Socket& socket) {
  const std::string head = socket.receive(4);
  std::uint32_t size = 0;
  for (unsigned place = 0; place < 4; place++) {
    size |= static_cast<std::uint32_t>(static_cast<unsigned char>(head[place])) << (8 * place);
  }
  return socket.receive(size);
}

/// One attempt at each address of the host; -1 where none answers.
int tryConnect(const std::string& host, const std::string& port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), port.c_str(), &hints, &found) != 0) return -1;
  int connected = -1;
  for (const addrinfo* address = found; address != nullptr && connected < 0; address = address->ai_next) {
    Socket socket(::socket(address->ai_family, address->ai_socktype, address->ai_protocol));
    if (socket.get() >= 0 && connect(socket.get(), address->ai_addr, address->ai_addrlen) == 0) {
      connected = dup(socket.get());
    }
  }
  freeaddrinfo(found);
  return connected;
}

Socket connectTo(const std::string& host, const std::string& port) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (;;) {
    const int descriptor = tryConnect(host, port);
    if (descriptor >= 0) return Socket(descriptor);
    if (std::chrono::steady_clock::now() > deadline) {
      throw std::runtime_error("Expected the coordinator at " + host + ":" + port + " but nobody answers there");
    }
    std::this_thread::sleep_for(pause);
  }
}

}  // namespace

SocketStore::Answer SocketStore::ask(const std::string& request, const std::string& key,
                                     const std::string& value) const {
  const Socket socket = connectTo(host_, port_);
  socket.send(framed(request) + framed(key) + framed(value));
  Answer answer;
  answer.kind = receiveFramed(socket);
  answer.value = receiveFramed(socket);
  return answer;
}

std::string SocketStore::get(const std::string& key, int timeoutMilliseconds) {
  const Answer answer = ask("get " + std::to_string(timeoutMilliseconds), key, "");
  if (answer.kind != "ok") {
    throw std::runtime_error("Expected another host to tell " + key + " within " +
                             std::to_string(timeoutMilliseconds) + " ms but it did not");
  }
  return answer.value;
}

bool SocketStore::tryGet(const std::string& key, std::string& value) {
  const Answer answer = ask("try", key, "");
  if (answer.kind != "ok") return false;
  value = answer.value;
  return true;
}

void SocketStore::put(const std::string& key, const std::string& value) { ask("put", key, value); }

}  // namespace pjrt
