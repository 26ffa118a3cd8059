// A compiled program and its runs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "device_state.hpp"

namespace pjrt {

/// A run that was started; the device may still be at it. Its outputs stay there until they are fetched.
class StartedRun {
 public:
  /// @param outputs elements of its last result
  StartedRun(std::shared_ptr<SharedClient> client, std::size_t outputs)
      : client_(std::move(client)),
        read_(client_->plugin()),
        ended_(client_->plugin()),
        fetched_(client_->plugin()),
        outputs_(std::make_shared<std::vector<float>>(outputs)) {}
  StartedRun(const StartedRun&) = delete;
  StartedRun& operator=(const StartedRun&) = delete;

  /// A run that nobody waited for to its end may be one whose partner never comes.
  ~StartedRun() {
    if (!read_.over() || !ended_.over() || !fetched_.over()) client_->leaveBehind();
  }

  /// Comes when the host memory of its inputs was read.
  Completion& read() { return read_; }
  /// Comes when the device has done it.
  Completion& ended() { return ended_; }
  void keepOutputs(DeviceBuffer outputs) { onDevice_ = std::move(outputs); }
  std::size_t outputs() const { return outputs_->size(); }

  /// Waits until the host memory of its inputs may be written again. Where a wait is given up the client is left behind.
  void waitUntilRead(const WaitLimits& limits) const { waitFor(read_, limits); }
  /// Waits until the device has done it; nothing is copied.
  void waitUntilEnded(const WaitLimits& limits) const;
  /// Begins to copy the outputs to the host, where that was not begun before.
  void fetch();
  /// Waits for the outputs, as many as `outputs` says.
  const std::vector<float>& waitForOutputs(const WaitLimits& limits);

 private:
  void waitFor(const Completion& completion, const WaitLimits& limits) const;

  std::shared_ptr<SharedClient> client_;
  Completion read_;
  Completion ended_;
  Completion fetched_;
  DeviceBuffer onDevice_;
  std::shared_ptr<std::vector<float>> outputs_;
};

/// Which state tensors a program takes, in the order of its first arguments, and gives back, in that of its first results.
struct ProgramBinding {
  std::vector<std::size_t> reads;
  std::vector<std::size_t> writes;
  /// Elements of the last result, f32; 0 = there is none.
  std::size_t outputs = 0;
};

class DeviceProgram {
 public:
  /// Compiles StableHLO text. Throws PluginError with the compiler's words.
  static std::shared_ptr<const DeviceProgram> compile(std::shared_ptr<SharedClient> client, std::string text,
                                                      const std::string& options, ProgramBinding binding);
  /// Loads what `serialise` gave, made by the same plugin on the same kind of device.
  static std::shared_ptr<const DeviceProgram> load(std::shared_ptr<SharedClient> client, const std::string& bytes,
                                                   ProgramBinding binding);
  DeviceProgram(std::shared_ptr<SharedClient> client, LoadedExecutable* executable, ProgramBinding binding);
  DeviceProgram(const DeviceProgram&) = delete;
  DeviceProgram& operator=(const DeviceProgram&) = delete;
  ~DeviceProgram();

  /// Throws PluginError where the plugin cannot.
  std::string serialise() const;

  /// Starts a run on the state's device, which is replaced by what the program gives back.
  /// @param launch the same for all replicas of a step, and of no other step; not 0
  std::unique_ptr<StartedRun> start(DeviceState& state, const std::vector<HostTensor>& inputs, int launch) const;

 private:
  template <class Read>
  void withExecutable(Read read) const;

  std::shared_ptr<SharedClient> client_;
  LoadedExecutable* executable_;
  ProgramBinding binding_;
};

}  // namespace pjrt
