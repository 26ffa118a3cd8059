// The gradient of one tensor of weights. A replica has one, to which its threads add their samples' parts: a copy for each
// thread would cost as much memory as the weights.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

#include "plan/plan_builder.hpp"
#include "runtime/spin_wait.hpp"

namespace one {

class SharedGradient {
 public:
  // `rows` x `rowElements` from `offset` on in the replica's gradients; rows are written `granule` at a time.
  SharedGradient(std::size_t offset, int rows, std::size_t rowElements, int granule, const PlanBuilder& builder)
      : offset_(offset),
        rows_(rows),
        rowElements_(rowElements),
        granule_(granule),
        turns_(static_cast<std::size_t>(builder.threads())) {}

  bool single() const { return turns_.size() == 1; }
  float* of(const Worker& worker) const { return worker.gradients + offset_; }
  float* row(const Worker& worker, int row) const { return of(worker) + static_cast<std::size_t>(row) * rowElements_; }

  // Calls `write(first row, end row, add)` for all rows, in as many shares as there are threads. Thread t begins with share t,
  // so that nobody waits for long, and each share is written in one order: the first to come writes, the others add.
  // All threads must call it equally often; `begun` = the gradient holds what an earlier call of this step left.
  template <class Write>
  void write(const Worker& worker, bool begun, const Write& write) const {
    const int threads = static_cast<int>(turns_.size());
    for (int turn = 0; turn < threads; turn++) {
      const int share = (worker.thread + turn) % threads;
      const int first = border(share);
      const int end = border(share + 1);
      if (first == end) continue;
      std::atomic<int>& next = turns_[static_cast<std::size_t>(share)].next;
      wait(worker, next, turn);
      const bool add = begun || turn > 0;
      if (worker.samples > 0)
        write(first, end, add);
      else if (!add)
        std::fill(row(worker, first), row(worker, end), 0.0f);
      next.store((turn + 1) % threads, std::memory_order_release);
    }
  }

 private:
  // On a line of its own.
  struct alignas(64) Turn {
    std::atomic<int> next{0};
  };

  int border(int share) const {
    const int granules = (rows_ + granule_ - 1) / granule_;
    return std::min(rows_, granules * share / static_cast<int>(turns_.size()) * granule_);
  }

  static void wait(const Worker& worker, const std::atomic<int>& next, int turn) {
    const auto arrived = [&] { return next.load(std::memory_order_acquire) == turn; };
    if (spinUntil(arrived)) return;
    while (!arrived()) {
      if (worker.team->abandoned()) throw Abandoned();
      std::this_thread::yield();
    }
  }

  const std::size_t offset_;
  const int rows_;
  const std::size_t rowElements_;
  const int granule_;
  mutable std::vector<Turn> turns_;
};

// target (+)= source.
inline void writeOrAdd(const float* source, std::size_t count, bool add, float* target) {
  if (!add) {
    std::copy(source, source + count, target);
    return;
  }
  for (std::size_t at = 0; at < count; at++) target[at] += source[at];
}

}  // namespace one
