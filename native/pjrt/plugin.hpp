// A loaded PJRT plugin and the calls into it; errors of the plugin become exceptions.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>

#include "abi.hpp"

namespace pjrt {

/// What a plugin refused, in its words.
class PluginError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A plugin's library and table of functions. Never unloaded: its threads may outlive everything of ours.
class Plugin {
 public:
  /// Loads the library and initialises it. Throws std::runtime_error where it is no plugin of a version that we can serve.
  Plugin(const std::string& path, int oldestMinor);

  int major() const { return api_->version.major; }
  int minor() const { return api_->version.minor; }

  /// Throws std::runtime_error where the table of functions ends before this one.
  void expectFunctionsUpTo(Slot slot) const;

  /// Arguments zeroed, with their size filled in.
  template <class Args>
  static Args make() {
    Args args{};
    args.head.structSize = structSize<Args>();
    return args;
  }

  /// Calls a function. Throws PluginError with its message where it fails.
  template <class Args>
  void call(Slot slot, Args& args) const {
    if (Error* error = function<Error*>(slot)(&args)) throw PluginError(takeMessage(error));
  }

  /// Calls a function whose failure would be of no use to know: the destruction of something.
  template <class Args>
  void release(Slot slot, Args& args) const noexcept {
    if (Error* error = function<Error*>(slot)(&args)) takeMessage(error);
  }

  /// The error's message; frees the error.
  std::string takeMessage(Error* error) const;

 private:
  template <class Result>
  auto function(Slot slot) const {
    return reinterpret_cast<Result (*)(void*)>(api_->functions[static_cast<std::size_t>(slot)]);
  }

  const Api* api_ = nullptr;
};

/// StableHLO text as plugins take it; the text must stay as it is until the call returns.
inline Program stableHlo(std::string& text) {
  static constexpr char format[] = "mlir";
  auto program = Plugin::make<Program>();
  program.code = text.data();
  program.codeSize = text.size();
  program.format = format;
  program.formatSize = sizeof format - 1;
  return program;
}

}  // namespace pjrt
