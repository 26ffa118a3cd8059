// Memory in which the replicas of a run meet: a barrier, each replica's batch statistics, each thread's gradient. Laid out
// in the SharedArrayBuffer that src/executors/onednn/exchange.ts sizes.
#pragma once
#include <cstddef>

#include "barrier.hpp"

namespace one {

class Exchange {
 public:
  static constexpr std::size_t kHeaderBytes = 4096;

  Exchange(char* memory, int replicas, int threads, std::size_t statisticElements, std::size_t gradientElements)
      : header_(reinterpret_cast<BarrierState*>(memory)),
        statistics_(reinterpret_cast<float*>(memory + kHeaderBytes)),
        gradients_(statistics_ + static_cast<std::size_t>(replicas) * statisticElements),
        replicas_(replicas),
        threads_(threads),
        statisticElements_(statisticElements),
        gradientElements_(gradientElements) {}

  std::size_t bytes() const {
    const std::size_t elements = static_cast<std::size_t>(replicas_) * statisticElements_ +
                                 static_cast<std::size_t>(members()) * gradientElements_;
    return kHeaderBytes + elements * sizeof(float);
  }
  BarrierState* barrier() const { return header_; }
  // All threads of all replicas.
  int members() const { return replicas_ * threads_; }
  int replicas() const { return replicas_; }
  int threads() const { return threads_; }
  std::size_t gradientElements() const { return gradientElements_; }
  float* statistics(int replica) const { return statistics_ + static_cast<std::size_t>(replica) * statisticElements_; }
  float* gradients(int replica, int thread) const {
    return gradients_ + static_cast<std::size_t>(replica * threads_ + thread) * gradientElements_;
  }

 private:
  BarrierState* header_;
  float* statistics_;
  float* gradients_;
  int replicas_;
  int threads_;
  std::size_t statisticElements_;
  std::size_t gradientElements_;
};

}  // namespace one
