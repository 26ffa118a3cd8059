#include "runtime/team.hpp"

#include <sched.h>
#if defined(_OPENMP)
#include <omp.h>
#endif

namespace one {
namespace {

// oneDNN's threads; an addon without OpenMP has none.
#if defined(_OPENMP)
int threadsOfOpenMp() { return omp_get_max_threads(); }
void setThreadsOfOpenMp(int threads) { omp_set_num_threads(threads); }
#else
int threadsOfOpenMp() { return 1; }
void setThreadsOfOpenMp(int) {}
#endif

}  // namespace

struct PinnedScope::Affinity {
  cpu_set_t set;
};

PinnedScope::PinnedScope(int core) : openMpThreads_(threadsOfOpenMp()) {
  auto before = std::make_unique<Affinity>();
  cpu_set_t wanted;
  CPU_ZERO(&wanted);
  CPU_SET(static_cast<std::size_t>(core), &wanted);
  // A core outside the process's allowance leaves the thread where it was: slower, not wrong.
  if (sched_getaffinity(0, sizeof before->set, &before->set) == 0 &&
      sched_setaffinity(0, sizeof wanted, &wanted) == 0) {
    before_ = std::move(before);
  }
  setThreadsOfOpenMp(1);
}

PinnedScope::~PinnedScope() {
  setThreadsOfOpenMp(openMpThreads_);
  if (before_ != nullptr) sched_setaffinity(0, sizeof before_->set, &before_->set);
}

Team::Team(std::vector<int> cores)
    : cores_(std::move(cores)),
      states_(std::make_unique<States>()),
      start_(&states_->start, static_cast<std::uint32_t>(cores_.size())),
      finish_(&states_->finish, static_cast<std::uint32_t>(cores_.size())),
      barrier_(&states_->work, static_cast<std::uint32_t>(cores_.size())) {
  for (int thread = 1; thread < threads(); thread++) threads_.emplace_back([this, thread] { loop(thread); });
}

Team::~Team() {
  stopping_ = true;
  start_.wait();
  for (std::thread& thread : threads_) thread.join();
}

void Team::run(const std::function<void(int)>& work, const std::function<void()>& onFailure) {
  if (failure_ != nullptr) std::rethrow_exception(failure_);
  const PinnedScope pinned(cores_.front());
  work_ = &work;
  onFailure_ = &onFailure;
  start_.wait();
  execute(0);
  finish_.wait();
  work_ = nullptr;
  if (failure_ != nullptr) std::rethrow_exception(failure_);
}

void Team::loop(int thread) {
  const PinnedScope pinned(cores_[static_cast<std::size_t>(thread)]);
  while (true) {
    start_.wait();
    if (stopping_) return;
    execute(thread);
    finish_.wait();
  }
}

void Team::execute(int thread) {
  try {
    (*work_)(thread);
  } catch (...) {
    {
      const std::lock_guard<std::mutex> lock(failureLock_);
      if (failure_ == nullptr) failure_ = std::current_exception();
    }
    Barrier::abandon(&states_->work);
    (*onFailure_)();
  }
}

}  // namespace one
