#include "completion.hpp"

#include <condition_variable>
#include <mutex>

namespace pjrt {

/// How often a wait looks whether it was abandoned.
constexpr std::chrono::milliseconds glance{20};

struct Completion::Shared {
  std::mutex mutex;
  std::condition_variable changed;
  int outstanding = 0;
  std::string failure;
};

namespace {

/// What the plugin hands back when an event has come.
template <class Shared>
struct Notice {
  std::shared_ptr<Shared> shared;
  std::shared_ptr<const Plugin> plugin;
  std::shared_ptr<void> keepAlive;

  static void deliver(Error* error, void* argument) {
    const std::unique_ptr<Notice> notice(static_cast<Notice*>(argument));
    const std::string failure = error == nullptr ? std::string() : notice->plugin->takeMessage(error);
    const std::lock_guard<std::mutex> lock(notice->shared->mutex);
    notice->shared->outstanding--;
    if (notice->shared->failure.empty()) notice->shared->failure = failure;
    notice->shared->changed.notify_all();
  }
};

}  // namespace

Completion::Completion(std::shared_ptr<const Plugin> plugin)
    : plugin_(std::move(plugin)), shared_(std::make_shared<Shared>()) {}

void Completion::add(Event* event, std::shared_ptr<void> keepAlive) {
  if (event == nullptr) return;
  {
    const std::lock_guard<std::mutex> lock(shared_->mutex);
    shared_->outstanding++;
  }
  auto notice = std::make_unique<Notice<Shared>>(Notice<Shared>{shared_, plugin_, std::move(keepAlive)});
  auto ready = Plugin::make<EventOnReadyArgs>();
  ready.event = event;
  ready.callback = &Notice<Shared>::deliver;
  // From here on the notice belongs to the plugin, which hands it to `deliver`.
  ready.userArgument = notice.release();
  plugin_->call(Slot::eventOnReady, ready);
  auto destroy = Plugin::make<EventDestroyArgs>();
  destroy.event = event;
  plugin_->release(Slot::eventDestroy, destroy);
}

bool Completion::over() const {
  const std::lock_guard<std::mutex> lock(shared_->mutex);
  return shared_->outstanding == 0;
}

void Completion::wait(const WaitLimits& limits) const {
  const auto deadline = std::chrono::steady_clock::now() + limits.timeout;
  std::unique_lock<std::mutex> lock(shared_->mutex);
  while (shared_->outstanding > 0) {
    shared_->changed.wait_for(lock, glance);
    if (shared_->outstanding == 0) break;
    if (limits.abandoned != nullptr && limits.abandoned->load(std::memory_order_acquire) != 0) {
      throw std::runtime_error("Expected all replicas to take part but one of them failed");
    }
    if (limits.timeout.count() > 0 && std::chrono::steady_clock::now() > deadline) {
      throw std::runtime_error(
          "Expected the device to end a run within " + std::to_string(limits.timeout.count() / 1000) +
          " s but it did not: it hangs, or is shared with much else. native-ensemble resume goes on from the last "
          "checkpoint; NATIVE_ENSEMBLE_XLA_TIMEOUT=<seconds> waits longer");
    }
  }
  if (!shared_->failure.empty()) throw PluginError(shared_->failure);
}

}  // namespace pjrt
