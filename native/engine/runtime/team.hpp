// The pinned threads of a replica. The calling thread is the first of them; the others sleep between runs.
#pragma once
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "runtime/barrier.hpp"

namespace one {

// The calling thread keeps to one core, and OpenMP inside it to one thread, until the object goes.
class PinnedScope {
 public:
  explicit PinnedScope(int core);
  ~PinnedScope();
  PinnedScope(const PinnedScope&) = delete;
  PinnedScope& operator=(const PinnedScope&) = delete;

 private:
  struct Affinity;
  std::unique_ptr<Affinity> before_;
  int openMpThreads_;
};

class Team {
 public:
  explicit Team(std::vector<int> cores);
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  int threads() const { return static_cast<int>(cores_.size()); }
  Barrier& barrier() { return barrier_; }
  BarrierState* barrierState() { return &states_->work; }

  // Runs `work(thread)` in every thread and waits for all. Throws what the first failing thread threw; the team's
  // barrier is abandoned then, and the team cannot run again.
  void run(const std::function<void(int)>& work, const std::function<void()>& onFailure);

 private:
  void loop(int thread);
  void execute(int thread);

  struct States {
    BarrierState start{};
    BarrierState finish{};
    BarrierState work{};
  };
  std::vector<int> cores_;
  std::unique_ptr<States> states_;
  Barrier start_;
  Barrier finish_;
  Barrier barrier_;
  const std::function<void(int)>* work_ = nullptr;
  const std::function<void()>* onFailure_ = nullptr;
  std::mutex failureLock_;
  std::exception_ptr failure_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace one
