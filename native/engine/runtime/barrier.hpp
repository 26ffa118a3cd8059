// Where threads wait for each other: a counter in memory that all of them see. It only grows, so a barrier needs no reset
// and no thread can be overtaken. Waiters spin for a while, then sleep on the counter's low half (futex).
#pragma once
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <ctime>
#include <stdexcept>

#include "runtime/spin_wait.hpp"

namespace one {

// Lies in zeroed memory shared by the threads, each counter on a line of its own.
struct BarrierState {
  alignas(64) std::atomic<std::uint64_t> arrived;
  alignas(64) std::atomic<std::uint32_t> sleepers;
  // Set by whoever ends the run while others may wait.
  alignas(64) std::atomic<std::uint32_t> abandoned;
};

struct Abandoned : std::runtime_error {
  Abandoned() : std::runtime_error("Expected every replica to finish the step but another one stopped") {}
};

// A barrier among `members` threads; any number of plans may use one state, one at a time.
class Barrier {
 public:
  Barrier(BarrierState* state, std::uint32_t members) : state_(state), members_(members) {}

  // Throws Abandoned where another member gave up.
  void wait() const {
    if (members_ == 1) return;
    const std::uint64_t ticket = state_->arrived.fetch_add(1, std::memory_order_acq_rel);
    const std::uint64_t target = (ticket / members_ + 1) * members_;
    if (ticket + 1 == target) {
      if (state_->sleepers.load() != 0) wakeAll(state_);
      return;
    }
    if (!spinUntil([&] { return reached(target); })) sleepUntil(target);
  }

  bool abandoned() const { return state_->abandoned.load(std::memory_order_relaxed) != 0; }

  static void abandon(BarrierState* state) {
    state->abandoned.store(1);
    wakeAll(state);
  }

 private:
  bool reached(std::uint64_t target) const {
    if (state_->arrived.load(std::memory_order_acquire) >= target) return true;
    if (abandoned()) throw Abandoned();
    return false;
  }

  // The low half of the counter: the first word on the little-endian machines that this runs on.
  static std::uint32_t* futexWord(BarrierState* state) { return reinterpret_cast<std::uint32_t*>(&state->arrived); }

  static void wakeAll(BarrierState* state) {
    syscall(SYS_futex, futexWord(state), FUTEX_WAKE_PRIVATE, INT32_MAX, nullptr, nullptr, 0);
  }

  void sleepUntil(std::uint64_t target) const {
    struct Sleeper {
      std::atomic<std::uint32_t>& count;
      explicit Sleeper(std::atomic<std::uint32_t>& sleepers) : count(sleepers) { count.fetch_add(1); }
      ~Sleeper() { count.fetch_sub(1); }
    } const sleeper(state_->sleepers);
    while (!reached(target)) {
      const std::uint64_t seen = state_->arrived.load();
      if (seen >= target) return;
      // The time limit lets a waiter notice an abandoned barrier whose wake-up it missed.
      const timespec limit{0, 50'000'000};
      syscall(SYS_futex, futexWord(state_), FUTEX_WAIT_PRIVATE, static_cast<std::uint32_t>(seen), &limit, nullptr, 0);
    }
  }

  BarrierState* state_;
  std::uint32_t members_;
};

}  // namespace one
