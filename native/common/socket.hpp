// A TCP socket with an owner, and waits on it that a clock ends; what the addons have in common. Header only.
#pragma once
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>
#include <string>

namespace net {

using Clock = std::chrono::steady_clock;
using Deadline = Clock::time_point;
using Milliseconds = std::chrono::milliseconds;

struct HostAddress {
  std::string host;
  int port = 0;
};

// A file descriptor, closed with the object.
class Socket {
 public:
  explicit Socket(int descriptor = -1) : descriptor_(descriptor) {}
  Socket(Socket&& other) noexcept : descriptor_(other.release()) {}
  Socket& operator=(Socket&& other) noexcept {
    if (this != &other) {
      if (open()) close(descriptor_);
      descriptor_ = other.release();
    }
    return *this;
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() {
    if (open()) close(descriptor_);
  }
  int get() const { return descriptor_; }
  bool open() const { return descriptor_ >= 0; }

 private:
  int release() {
    const int descriptor = descriptor_;
    descriptor_ = -1;
    return descriptor;
  }
  int descriptor_;
};

// Small messages go at once, and calls return where they would wait.
inline void configure(const Socket& socket) {
  const int on = 1;
  setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  fcntl(socket.get(), F_SETFL, fcntl(socket.get(), F_GETFL) | O_NONBLOCK);
}

// Waits until the socket can be read (POLLIN) or written (POLLOUT); false where the time is over.
inline bool waitFor(const Socket& socket, short events, Deadline until) {
  for (;;) {
    const auto left = std::chrono::duration_cast<Milliseconds>(until - Clock::now()).count();
    if (left <= 0) return false;
    pollfd entry{socket.get(), events, 0};
    if (poll(&entry, 1, static_cast<int>(std::min<long long>(left, 1000))) > 0) return true;
  }
}

// All of the bytes, or false where the connection ends or the time is over.
inline bool sendAll(const Socket& socket, const void* bytes, std::size_t size, Deadline until) {
  for (std::size_t at = 0; at < size;) {
    const ssize_t count = send(socket.get(), static_cast<const char*>(bytes) + at, size - at, MSG_NOSIGNAL);
    if (count > 0) {
      at += static_cast<std::size_t>(count);
    } else if (count == 0 || (errno != EAGAIN && errno != EINTR) || !waitFor(socket, POLLOUT, until)) {
      return false;
    }
  }
  return true;
}

inline bool receiveAll(const Socket& socket, void* bytes, std::size_t size, Deadline until) {
  for (std::size_t at = 0; at < size;) {
    const ssize_t count = recv(socket.get(), static_cast<char*>(bytes) + at, size - at, 0);
    if (count > 0) {
      at += static_cast<std::size_t>(count);
    } else if (count == 0 || (errno != EAGAIN && errno != EINTR) || !waitFor(socket, POLLIN, until)) {
      return false;
    }
  }
  return true;
}

// One attempt at each address that the host's name has; closed where none answers.
inline Socket tryConnect(const HostAddress& wanted, Deadline until) {
  constexpr Milliseconds patience{5000};
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(wanted.host.c_str(), std::to_string(wanted.port).c_str(), &hints, &found) != 0) return Socket();
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, freeaddrinfo);
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    Socket socket(::socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC, address->ai_protocol));
    if (!socket.open()) continue;
    configure(socket);
    if (::connect(socket.get(), address->ai_addr, address->ai_addrlen) == 0) return socket;
    if (errno != EINPROGRESS || !waitFor(socket, POLLOUT, std::min(until, Clock::now() + patience))) continue;
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0) return socket;
  }
  return Socket();
}

// Listens on a port of the system's choice at the interface of that address, or, where it is empty, at all interfaces; closed
// with errno where that cannot be.
inline Socket listenAt(const std::string& address, int backlog) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICHOST;
  // An IPv6 socket of all interfaces takes IPv4 as well; where there is no IPv6 at all, IPv4 alone.
  for (const int family : {AF_INET6, AF_INET}) {
    hints.ai_family = address.empty() ? family : AF_UNSPEC;
    addrinfo* found = nullptr;
    errno = EADDRNOTAVAIL;
    if (getaddrinfo(address.empty() ? nullptr : address.c_str(), "0", &hints, &found) != 0) continue;
    const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, freeaddrinfo);
    Socket socket(::socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int off = 0;
    if (found->ai_family == AF_INET6) setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (!socket.open() || bind(socket.get(), found->ai_addr, found->ai_addrlen) != 0) continue;
    if (listen(socket.get(), backlog) != 0) continue;
    configure(socket);
    return socket;
  }
  return Socket();
}

// The port of a socket that listens; 0 where it has none.
inline int portOf(const Socket& socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  // The port lies in the same place in both forms of address.
  sockaddr_in named{};
  std::memcpy(&named, &address, sizeof named);
  return ntohs(named.sin_port);
}

}  // namespace net
