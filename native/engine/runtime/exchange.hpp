// Memory in which the replicas of a run meet: a barrier, each replica's batch statistics and gradient, and with several
// hosts the sums of both over all of them. Laid out in the SharedArrayBuffer that
// src/engine/executors/cpu/cpu-executor.ts sizes.
#pragma once
#include <cstddef>

#include "runtime/barrier.hpp"

namespace one {

class Exchange {
 public:
  static constexpr std::size_t kHeaderBytes = 4096;

  // `replicas` are those of this host.
  Exchange(char* memory, int replicas, int threads, int hosts, std::size_t statisticElements,
           std::size_t gradientElements)
      : header_(reinterpret_cast<BarrierState*>(memory)),
        statistics_(reinterpret_cast<float*>(memory + kHeaderBytes)),
        gradients_(statistics_ + static_cast<std::size_t>(replicas) * statisticElements),
        replicas_(replicas),
        threads_(threads),
        hosts_(hosts),
        statisticElements_(statisticElements),
        gradientElements_(gradientElements) {}

  std::size_t bytes() const {
    const std::size_t elements = static_cast<std::size_t>(replicas_) * statisticElements_ +
                                 static_cast<std::size_t>(replicas_) * gradientElements_;
    return kHeaderBytes + (elements + (hosts_ > 1 ? sumElements() : 0)) * sizeof(float);
  }
  BarrierState* barrier() const { return header_; }
  // All threads of all replicas.
  int members() const { return replicas_ * threads_; }
  int replicas() const { return replicas_; }
  std::size_t gradientElements() const { return gradientElements_; }
  float* statistics(int replica) const { return statistics_ + static_cast<std::size_t>(replica) * statisticElements_; }
  float* gradients(int replica) const { return gradients_ + static_cast<std::size_t>(replica) * gradientElements_; }

  bool severalHosts() const { return hosts_ > 1; }
  // Gradients, then statistics, summed over all replicas of all hosts; only where there are several hosts.
  float* sums() const { return gradients(replicas_); }
  std::size_t sumElements() const { return gradientElements_ + statisticElements_; }
  // Share of a replica in a mean over all replicas of all hosts.
  float replicaShare() const { return 1.0f / static_cast<float>(replicas_ * hosts_); }
  // What is left to be added up for a sum over everybody.
  int sources() const { return severalHosts() ? 1 : replicas_; }
  const float* gradientSource(int place) const { return severalHosts() ? sums() : gradients(place); }
  const float* statisticSource(int place) const {
    return severalHosts() ? sums() + gradientElements_ : statistics(place);
  }

 private:
  BarrierState* header_;
  float* statistics_;
  float* gradients_;
  int replicas_;
  int threads_;
  int hosts_;
  std::size_t statisticElements_;
  std::size_t gradientElements_;
};

}  // namespace one
