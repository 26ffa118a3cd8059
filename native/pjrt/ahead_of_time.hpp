// Compilation for devices that are not here, by their description alone. What comes out cannot be run in this process.
#pragma once

#include "client.hpp"

namespace pjrt {

/// Memory of a compiled program on each of its devices, in bytes.
struct CompiledMemory {
  std::int64_t argumentBytes;
  std::int64_t outputBytes;
  /// Those of the outputs that take the memory of arguments.
  std::int64_t aliasedBytes;
  /// Everything that lives only while it runs.
  std::int64_t temporaryBytes;
};

/// Compiles StableHLO text without a client. `topology` says what for, in the plugin's own options. Throws PluginError
/// with the plugin's words where it refuses, std::runtime_error where it has no such functions.
CompiledMemory compileAheadOfTime(const Plugin& plugin, const std::vector<ClientOption>& topology, std::string text,
                                  const std::string& compileOptions);

}  // namespace pjrt
