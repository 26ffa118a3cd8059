// The links of a run on several hosts: one process a host, a TCP connection between each two, and the sum of a flat
// vector over all of them. Knows no network of layers and no step; src/engine/executors/cpu/host-mesh.ts opens it.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "common/handshake.hpp"

namespace one {

// Another host is gone, silent or not one of ours: not a fault of this program.
struct HostFault : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class HostMesh : public std::enable_shared_from_this<HostMesh> {
 public:
  // Listens on a port of the system's choice at the interface of that address (empty: at all). `patience` bounds each later
  // wait for another host.
  HostMesh(int rank, int hosts, net::Milliseconds patience, const std::string& address);

  int rank() const { return rank_; }
  int hosts() const { return hosts_; }
  int port() const { return port_; }

  // Connects to the hosts of lower rank and takes the connections of those of higher rank; both ends prove `key`: what else
  // knocks is turned away. Throws HostFault where one does not come, or the wait was given up. From any thread.
  void connect(const std::vector<net::HostAddress>& addresses, const std::string& key);

  // Ends `connect` in another thread within a second.
  void giveUp() { givenUp_.store(true); }

  // Replaces each element by its sum over all hosts, added up from rank 0 on whatever comes first, so that all hosts get
  // the same bits. All hosts call it with equally many elements, in the same order of calls; one thread at a time.
  // Returns early with HostFault where a host is gone or silent, or where `abandoned` becomes other than 0.
  void sum(float* elements, std::size_t count, const std::atomic<std::uint32_t>& abandoned);

 private:
  struct Header {
    std::uint64_t call;
    std::uint64_t count;
  };
  // What goes to a host and what comes from it, header first, in one round.
  struct Transfer {
    int peer = 0;
    Header sentHeader{};
    Header receivedHeader{};
    const char* send = nullptr;
    char* receive = nullptr;
    std::size_t sendBytes = 0;
    std::size_t receiveBytes = 0;
    std::size_t sent = 0;
    std::size_t received = 0;
    bool done() const;
  };

  net::Deadline deadline() const { return net::Clock::now() + patience_; }
  std::size_t shardBegin(std::size_t count, int host) const;
  Transfer transfer(int peer, const float* send, std::size_t sendCount, float* receive, std::size_t receiveCount,
                    std::size_t count) const;
  void exchange(std::vector<Transfer>& transfers, const std::atomic<std::uint32_t>& abandoned);
  void sendSome(Transfer& transfer) const;
  void receiveSome(Transfer& transfer) const;
  // A connection that has not proved yet that it is one of ours.
  struct Knock;
  void acceptOthers(const std::string& key, net::Deadline until);
  bool admit(Knock& knock, const std::string& key);
  net::Socket reach(int host, const net::HostAddress& address, const std::string& key, net::Deadline until) const;
  bool waiting(net::Deadline until) const { return !givenUp_.load() && net::Clock::now() < until; }

  int rank_;
  int hosts_;
  net::Milliseconds patience_;
  net::Socket listener_;
  int port_ = 0;
  std::vector<net::Socket> peers_;
  std::vector<float> others_;
  std::uint64_t calls_ = 0;
  std::atomic<bool> givenUp_{false};
};

}  // namespace one
