#include "runtime/host_mesh.hpp"

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
// How long one attempt, or one unproven connection, may take.
constexpr Milliseconds kKnockPatience{5000};
// Connections that may be unproven at a time; the oldest makes room, since one of ours needs milliseconds.
constexpr std::size_t kMostKnocks = 64;
const std::string kUse = "gradients";

// What a connector says of itself when both ends have proved the key.
struct Introduction {
  std::uint32_t rank;
  std::uint32_t hosts;
};

std::string systemReason() { return std::strerror(errno); }

std::string nameOf(int host) { return "host " + std::to_string(host); }

HostFault gone(int host) { return HostFault("Expected " + nameOf(host) + " to take part in the step but it is gone"); }

}  // namespace

struct HostMesh::Knock {
  Socket socket;
  Deadline until;
  net::ListenerGreeting greeting;
  // Filled in this order; nothing beyond it is read.
  struct {
    net::ConnectorAnswer answer;
    Introduction introduction;
  } said{};
  std::size_t received = 0;
  bool proved() const { return received >= sizeof said.answer; }
};

HostMesh::HostMesh(int rank, int hosts, Milliseconds patience, const std::string& address)
    : rank_(rank), hosts_(hosts), patience_(patience), peers_(static_cast<std::size_t>(std::max(hosts, 0))) {
  if (hosts < 2 || rank < 0 || rank >= hosts) {
    throw std::runtime_error("Expected a rank below the number of hosts but received " + std::to_string(rank) + " of " +
                             std::to_string(hosts));
  }
  listener_ = net::listenAt(address, hosts + static_cast<int>(kMostKnocks));
  port_ = listener_.open() ? net::portOf(listener_) : 0;
  if (port_ == 0) throw HostFault("Expected to open a port for the other hosts but received: " + systemReason());
}

void HostMesh::connect(const std::vector<HostAddress>& addresses, const std::string& key) {
  if (addresses.size() != peers_.size()) throw std::runtime_error("Expected an address of each host");
  const Deadline until = deadline();
  for (int host = 0; host < rank_; host++) {
    peers_[static_cast<std::size_t>(host)] = reach(host, addresses[static_cast<std::size_t>(host)], key, until);
  }
  acceptOthers(key, until);
  // All are there: nobody else has to come.
  listener_ = Socket();
}

Socket HostMesh::reach(int host, const HostAddress& address, const std::string& key, Deadline until) const {
  const Introduction introduction{static_cast<std::uint32_t>(rank_), static_cast<std::uint32_t>(hosts_)};
  while (waiting(until)) {
    const Deadline soon = std::min(until, Clock::now() + kKnockPatience);
    Socket socket = net::tryConnect(address, soon);
    if (socket.open() && net::introduce(socket, key, kUse, soon) == net::Meeting::proved &&
        net::sendAll(socket, &introduction, sizeof introduction, soon)) {
      return socket;
    }
    std::this_thread::sleep_for(kSlice);
  }
  throw HostFault("Expected " + nameOf(host) + " to answer at " + address.host + ":" + std::to_string(address.port) +
                  " but it does not");
}

void HostMesh::acceptOthers(const std::string& key, Deadline until) {
  std::vector<Knock> knocks;
  std::vector<pollfd> entries;
  for (;;) {
    const auto absent =
        std::find_if(peers_.begin() + rank_ + 1, peers_.end(), [](const Socket& peer) { return !peer.open(); });
    if (absent == peers_.end()) break;
    if (!waiting(until)) {
      throw HostFault("Expected " + nameOf(static_cast<int>(absent - peers_.begin())) + " to connect but it did not");
    }
    entries.assign(1, {listener_.get(), POLLIN, 0});
    for (const Knock& knock : knocks) entries.push_back({knock.socket.get(), POLLIN, 0});
    poll(entries.data(), entries.size(), static_cast<int>(kSlice.count()));
    const Deadline now = Clock::now();
    for (std::size_t place = knocks.size(); place-- > 0;) {
      const bool spoke = entries[place + 1].revents != 0;
      if (spoke ? !admit(knocks[place], key) : now < knocks[place].until) continue;
      knocks.erase(knocks.begin() + static_cast<std::ptrdiff_t>(place));
    }
    if (entries[0].revents == 0) continue;
    Socket socket(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!socket.open()) continue;
    net::configure(socket);
    Knock knock{std::move(socket), now + kKnockPatience, {}};
    knock.greeting.nonce = net::drawNonce();
    // A new socket takes so few bytes at once.
    if (!net::sendAll(knock.socket, &knock.greeting, sizeof knock.greeting, now)) continue;
    if (knocks.size() >= kMostKnocks) {
      const auto oldest = std::find_if(knocks.begin(), knocks.end(), [](const Knock& one) { return !one.proved(); });
      knocks.erase(oldest == knocks.end() ? knocks.begin() : oldest);
    }
    knocks.push_back(std::move(knock));
  }
}

// Takes what a connection says next. @returns whether it is settled: one of the peers now, or to be closed
bool HostMesh::admit(Knock& knock, const std::string& key) {
  auto& [answer, introduction] = knock.said;
  const bool proved = knock.proved();
  const std::size_t wanted = proved ? sizeof knock.said : sizeof answer;
  const ssize_t count =
      recv(knock.socket.get(), reinterpret_cast<char*>(&knock.said) + knock.received, wanted - knock.received, 0);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (count <= 0) return true;
  knock.received += static_cast<std::size_t>(count);
  if (knock.received < wanted) return false;
  if (!proved) {
    if (!net::same(answer.proof, net::prove(key, "connector", kUse, knock.greeting.nonce, answer.nonce))) return true;
    const net::Digest proof = net::prove(key, "listener", kUse, knock.greeting.nonce, answer.nonce);
    return !net::sendAll(knock.socket, &proof, sizeof proof, Clock::now());
  }
  const auto host = static_cast<std::size_t>(introduction.rank);
  const bool fits = introduction.hosts == static_cast<std::uint32_t>(hosts_) &&
                    host > static_cast<std::size_t>(rank_) && host < peers_.size() && !peers_[host].open();
  if (fits) peers_[host] = std::move(knock.socket);
  return true;
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
  const char* from =
      inHeader ? reinterpret_cast<const char*>(&one.sentHeader) + one.sent : one.send + (one.sent - sizeof(Header));
  const std::size_t size = inHeader ? sizeof(Header) - one.sent : sizeof(Header) + one.sendBytes - one.sent;
  const ssize_t count = send(descriptor, from, size, MSG_NOSIGNAL);
  if (count >= 0)
    one.sent += static_cast<std::size_t>(count);
  else if (errno != EAGAIN && errno != EINTR)
    throw gone(one.peer);
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
