#include "host_mesh.hpp"

#include <algorithm>
#include <cstring>
#include <thread>

namespace one {
namespace {

using net::Clock;
using net::Deadline;
using net::HostAddress;
using net::Milliseconds;
using net::Socket;

// How long a wait sleeps before it looks whether the run was given up.
constexpr Milliseconds kSlice{100};
constexpr Milliseconds kKnockPatience{5000};

struct Greeting {
  std::uint64_t token;
  std::uint32_t rank;
  std::uint32_t hosts;
};

std::string systemReason() { return std::strerror(errno); }

std::string nameOf(int host) { return "host " + std::to_string(host); }

HostFault gone(int host) { return HostFault("Expected " + nameOf(host) + " to take part in the step but it is gone"); }

}  // namespace

HostMesh::HostMesh(int rank, int hosts, Milliseconds patience)
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
  net::configure(listener_);
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
      socket = net::tryConnect(address, until);
      if (socket.open() && net::sendAll(socket, &greeting, sizeof greeting, until)) break;
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
    if (!net::waitFor(listener_, POLLIN, until)) {
      const auto absent =
          std::find_if(peers_.begin() + rank_ + 1, peers_.end(), [](const Socket& peer) { return !peer.open(); });
      throw HostFault("Expected " + nameOf(static_cast<int>(absent - peers_.begin())) + " to connect but it did not");
    }
    Socket socket(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!socket.open()) continue;
    net::configure(socket);
    Greeting greeting{};
    const Deadline soon = std::min(until, Clock::now() + kKnockPatience);
    if (!net::receiveAll(socket, &greeting, sizeof greeting, soon)) continue;
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
  const char* from = inHeader ? reinterpret_cast<const char*>(&one.sentHeader) + one.sent
                              : one.send + (one.sent - sizeof(Header));
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
  const auto& [call, elements] = one.receivedHeader;
  if (headerEnds && (call != one.sentHeader.call || elements != one.sentHeader.count)) {
    throw HostFault("Expected " + nameOf(one.peer) + " to sum " + std::to_string(one.sentHeader.count) +
                    " elements in call " + std::to_string(one.sentHeader.call) + " but it sums " +
                    std::to_string(elements) + " in call " + std::to_string(call));
  }
}

}  // namespace one
