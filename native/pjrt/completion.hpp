// Waiting for what a device does, in a way that a failed partner or a clock can end.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <vector>

#include "plugin.hpp"

namespace pjrt {

/// Ends a wait before its event comes.
struct WaitLimits {
  /// Not zero = the run was abandoned: some replica failed, and what is waited for may never come. May be null.
  const std::atomic<std::int32_t>* abandoned = nullptr;
  std::chrono::milliseconds timeout{0};
};

/// Some events, told by the plugin's threads, and what must stay alive until they have come.
class Completion {
 public:
  explicit Completion(std::shared_ptr<const Plugin> plugin);

  /// Takes the event over; null = nothing to wait for. `keepAlive` is held until it came, even if nobody waits.
  void add(Event* event, std::shared_ptr<void> keepAlive);

  /// Whether all have come.
  bool over() const;

  /// Waits for all. Throws PluginError where one failed, std::runtime_error where a limit ended the wait.
  void wait(const WaitLimits& limits) const;

 private:
  struct Shared;
  std::shared_ptr<const Plugin> plugin_;
  std::shared_ptr<Shared> shared_;
};

}  // namespace pjrt
