#include "host_mesh.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <thread>

namespace one {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

// How long a wait sleeps before it looks whether the run was given up.
constexpr milliseconds kSlice{100};
constexpr milliseconds kKnockPatience{5000};

struct Greeting {
  std::uint64_t token;
  std::uint32_t rank;
  std::uint32_t hosts;
};

std::string systemReason() { return std::strerror(errno); }

void configure(int descriptor) {
  const int on = 1;
  setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK);
}

std::string nameOf(int host) { return "host " + std::to_string(host); }

HostFault gone(int host) { return HostFault("Expected " + nameOf(host) + " to take part in the step but it is gone"); }

// Waits until the socket can be read or written; false where the time is over.
bool waitFor(int descriptor, short events, Deadline until) {
  for (;;) {
    const auto left = std::chrono::duration_cast<milliseconds>(until - Clock::now()).count();
    if (left <= 0) return false;
    pollfd entry{descriptor, events, 0};
    if (poll(&entry, 1, static_cast<int>(left)) > 0) return true;
  }
}

// All of the bytes, or false where the connection ends or the time is over.
bool transferAll(int descriptor, char* bytes, std::size_t size, bool sending, Deadline until) {
  for (std::size_t at = 0; at < size;) {
    const ssize_t count = sending ? send(descriptor, bytes + at, size - at, MSG_NOSIGNAL)
                                  : recv(descriptor, bytes + at, size - at, 0);
    if (count > 0) {
      at += static_cast<std::size_t>(count);
    } else if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
      if (!waitFor(descriptor, sending ? POLLOUT : POLLIN, until)) return false;
    } else {
      return false;
    }
  }
  return true;
}

// One attempt at each address of the host; closed where none answers.
Socket tryConnect(const HostAddress& wanted, Deadline until) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(wanted.host.c_str(), std::to_string(wanted.port).c_str(), &hints, &found) != 0) return Socket();
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, freeaddrinfo);
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    Socket socket(::socket(address->ai_family, address->ai_socktype | SOCK_CLOEXEC, address->ai_protocol));
    if (!socket.open()) continue;
    configure(socket.get());
    if (::connect(socket.get(), address->ai_addr, address->ai_addrlen) == 0) return socket;
    if (errno != EINPROGRESS || !waitFor(socket.get(), POLLOUT, std::min(until, Clock::now() + kKnockPatience))) continue;
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0) return socket;
  }
  return Socket();
}

}  // namespace

Socket& Socket::operator=(Socket&& other) noexcept {
  if (this != &other) {
    if (open()) close(descriptor_);
    descriptor_ = other.release();
  }
  return *this;
}

Socket::~Socket() {
  if (open()) close(descriptor_);
}

int Socket::release() {
  const int descriptor = descriptor_;
  descriptor_ = -1;
  return descriptor;
}

HostMesh::HostMesh(int rank, int hosts, milliseconds patience)
    : rank_(rank), hosts_(hosts), patience_(patience), peers_(static_cast<std::size_t>(std::max(hosts, 0))) {
  if (hosts < 2 || rank < 0 || rank >= hosts) {
    throw std::runtime_error("Expected a rank below the number of hosts but received " + std::to_string(rank) + " of " +
                             std::to_string(hosts));
  }
  // An IPv6 socket takes IPv4 as well; where there is no IPv6 at all, IPv4 alone.
  listener_ = Socket(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const bool six = listener_.open();
  if (!six) listener_ = Socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_storage address{};
  socklen_t size = 0;
  if (six) {
    const int off = 0;
    setsockopt(listener_.get(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    sockaddr_in6 any{};
    any.sin6_family = AF_INET6;
    any.sin6_addr = in6addr_any;
    std::memcpy(&address, &any, size = sizeof any);
  } else {
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_addr.s_addr = htonl(INADDR_ANY);
    std::memcpy(&address, &any, size = sizeof any);
  }
  socklen_t bound = sizeof address;
  if (!listener_.open() || bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      listen(listener_.get(), hosts) != 0 ||
      getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &bound) != 0) {
    throw HostFault("Expected to open a port for the other hosts but received: " + systemReason());
  }
  configure(listener_.get());
  // The port lies in the same place in both forms of address.
  sockaddr_in named{};
  std::memcpy(&named, &address, sizeof named);
  port_ = ntohs(named.sin_port);
}

void HostMesh::connect(const std::vector<HostAddress>& addresses, std::uint64_t token) {
  if (addresses.size() != peers_.size()) throw std::runtime_error("Expected an address of each host");
  const Deadline until = deadline();
  for (int host = 0; host < rank_; host++) {
    const HostAddress& address = addresses[static_cast<std::size_t>(host)];
    Socket socket;
    Greeting greeting{token, static_cast<std::uint32_t>(rank_), static_cast<std::uint32_t>(hosts_)};
    for (;;) {
      socket = tryConnect(address, until);
      if (socket.open() && transferAll(socket.get(), reinterpret_cast<char*>(&greeting), sizeof greeting, true, until)) break;
      if (Clock::now() >= until) {
        throw HostFault("Expected " + nameOf(host) + " to answer at " + address.host + ":" +
                        std::to_string(address.port) + " but it does not");
      }
      std::this_thread::sleep_for(kSlice);
    }
    peers_[static_cast<std::size_t>(host)] = std::move(socket);
  }
  acceptOthers(token, until);
}

void HostMesh::acceptOthers(std::uint64_t token, Deadline until) {
  for (int missing = hosts_ - 1 - rank_; missing > 0;) {
    if (!waitFor(listener_.get(), POLLIN, until)) {
      const auto absent =
          std::find_if(peers_.begin() + rank_ + 1, peers_.end(), [](const Socket& peer) { return !peer.open(); });
      throw HostFault("Expected " + nameOf(static_cast<int>(absent - peers_.begin())) + " to connect but it did not");
    }
    Socket socket(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!socket.open()) continue;
    configure(socket.get());
    Greeting greeting{};
    const Deadline soon = std::min(until, Clock::now() + kKnockPatience);
    if (!transferAll(socket.get(), reinterpret_cast<char*>(&greeting), sizeof greeting, false, soon)) continue;
    const auto host = static_cast<std::size_t>(greeting.rank);
    const bool ours = greeting.token == token && greeting.hosts == static_cast<std::uint32_t>(hosts_) &&
                      host > static_cast<std::size_t>(rank_) && host < peers_.size() && !peers_[host].open();
    if (!ours) continue;
    peers_[host] = std::move(socket);
    missing--;
  }
}

std::size_t HostMesh::shardBegin(std::size_t count, int host) const {
  return count * static_cast<std::size_t>(host) / static_cast<std::size_t>(hosts_);
}

bool HostMesh::Transfer::done() const {
  return sent == sizeof(Header) + sendBytes && received == sizeof(Header) + receiveBytes;
}

HostMesh::Transfer HostMesh::transfer(int peer, const float* send, std::size_t sendCount, float* receive,
                                      std::size_t receiveCount, std::size_t count) const {
  Transfer made;
  made.peer = peer;
  made.sentHeader = {calls_, count};
  made.send = reinterpret_cast<const char*>(send);
  made.receive = reinterpret_cast<char*>(receive);
  made.sendBytes = sendCount * sizeof(float);
  made.receiveBytes = receiveCount * sizeof(float);
  return made;
}

void HostMesh::sum(float* elements, std::size_t count, const std::atomic<std::uint32_t>& abandoned) {
  calls_++;
  const std::size_t begin = shardBegin(count, rank_);
  const std::size_t own = shardBegin(count, rank_ + 1) - begin;
  others_.resize(own * static_cast<std::size_t>(hosts_));
  std::vector<Transfer> transfers;
  // Each host adds up one shard of the vector: it gets that shard of all others and gives away all others' shards.
  for (int host = 0; host < hosts_; host++) {
    if (host == rank_) continue;
    const std::size_t from = shardBegin(count, host);
    transfers.push_back(transfer(host, elements + from, shardBegin(count, host + 1) - from,
                                 others_.data() + own * static_cast<std::size_t>(host), own, count));
  }
  exchange(transfers, abandoned);
  std::copy_n(elements + begin, own, others_.data() + own * static_cast<std::size_t>(rank_));
  for (std::size_t at = 0; at < own; at++) {
    float sum = 0;
    for (std::size_t host = 0; host < static_cast<std::size_t>(hosts_); host++) sum += others_[own * host + at];
    elements[begin + at] = sum;
  }
  // Then each gives its shard's sum to all.
  transfers.clear();
  for (int host = 0; host < hosts_; host++) {
    if (host == rank_) continue;
    const std::size_t from = shardBegin(count, host);
    transfers.push_back(
        transfer(host, elements + begin, own, elements + from, shardBegin(count, host + 1) - from, count));
  }
  exchange(transfers, abandoned);
}

void HostMesh::exchange(std::vector<Transfer>& transfers, const std::atomic<std::uint32_t>& abandoned) {
  Deadline until = deadline();
  std::vector<pollfd> entries;
  for (;;) {
    entries.clear();
    std::vector<Transfer*> open;
    for (Transfer& one : transfers) {
      if (one.done()) continue;
      const bool sends = one.sent < sizeof(Header) + one.sendBytes;
      const bool receives = one.received < sizeof(Header) + one.receiveBytes;
      const auto events = static_cast<short>((sends ? POLLOUT : 0) | (receives ? POLLIN : 0));
      entries.push_back({peers_[static_cast<std::size_t>(one.peer)].get(), events, 0});
      open.push_back(&one);
    }
    if (open.empty()) return;
    const int ready = poll(entries.data(), entries.size(), static_cast<int>(kSlice.count()));
    if (abandoned.load() != 0) throw HostFault("Expected the hosts to finish the step but the run was given up");
    if (ready <= 0) {
      if (Clock::now() < until) continue;
      throw HostFault("Expected " + nameOf(open.front()->peer) + " to finish the step within " +
                      std::to_string(patience_.count() / 1000) + " s but it is silent");
    }
    for (std::size_t place = 0; place < open.size(); place++) {
      const short events = entries[place].revents;
      if ((events & POLLOUT) != 0) sendSome(*open[place]);
      if ((events & (POLLIN | POLLHUP | POLLERR)) != 0) receiveSome(*open[place]);
    }
    until = deadline();
  }
}

void HostMesh::sendSome(Transfer& one) const {
  const int descriptor = peers_[static_cast<std::size_t>(one.peer)].get();
  const bool inHeader = one.sent < sizeof(Header);
  const char* from = inHeader ? reinterpret_cast<const char*>(&one.sentHeader) + one.sent : one.send + (one.sent - sizeof(Header));
  const std::size_t size = inHeader ? sizeof(Header) - one.sent : sizeof(Header) + one.sendBytes - one.sent;
  const ssize_t count = send(descriptor, from, size, MSG_NOSIGNAL);
  if (count >= 0) one.sent += static_cast<std::size_t>(count);
  else if (errno != EAGAIN && errno != EINTR) throw gone(one.peer);
}

void HostMesh::receiveSome(Transfer& one) const {
  const int descriptor = peers_[static_cast<std::size_t>(one.peer)].get();
  const bool inHeader = one.received < sizeof(Header);
  // What the other side sends of a later round stays in the socket.
  const std::size_t size = inHeader ? sizeof(Header) - one.received : sizeof(Header) + one.receiveBytes - one.received;
  if (size == 0) {
    // Ready though nothing is wanted: the connection has ended.
    throw gone(one.peer);
  }
  char* to = inHeader ? reinterpret_cast<char*>(&one.receivedHeader) + one.received
                      : one.receive + (one.received - sizeof(Header));
  const ssize_t count = recv(descriptor, to, size, 0);
  if (count == 0) throw gone(one.peer);
  if (count < 0) {
    if (errno != EAGAIN && errno != EINTR) throw gone(one.peer);
    return;
  }
  one.received += static_cast<std::size_t>(count);
  const bool headerEnds = inHeader && one.received == sizeof(Header);
  if (headerEnds && (one.receivedHeader.call != one.sentHeader.call || one.receivedHeader.count != one.sentHeader.count)) {
    throw HostFault("Expected " + nameOf(one.peer) + " to sum " + std::to_string(one.sentHeader.count) +
                    " elements in call " + std::to_string(one.sentHeader.call) + " but it sums " +
                    std::to_string(one.receivedHeader.count) + " in call " + std::to_string(one.receivedHeader.call));
  }
}

}  // namespace one
