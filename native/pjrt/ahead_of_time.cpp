#include "ahead_of_time.hpp"

namespace pjrt {

CompiledMemory compileAheadOfTime(const Plugin& plugin, const std::vector<ClientOption>& topology, std::string text,
                                  const std::string& compileOptions) {
  static constexpr char name[] = "described";
  plugin.expectFunctionsUpTo(Slot::executableGetCompiledMemoryStats);

  std::vector<NamedValue> named;
  for (const ClientOption& option : topology) named.push_back(namedValue(option));
  auto create = Plugin::make<TopologyDescriptionCreateArgs>();
  create.name = name;
  create.nameSize = sizeof name - 1;
  create.options = named.data();
  create.optionCount = named.size();
  plugin.call(Slot::topologyDescriptionCreate, create);
  const auto freeTopology = [&plugin](TopologyDescription* description) {
    auto destroy = Plugin::make<TopologyDescriptionDestroyArgs>();
    destroy.topology = description;
    plugin.release(Slot::topologyDescriptionDestroy, destroy);
  };
  const std::unique_ptr<TopologyDescription, decltype(freeTopology)> described(create.topology, freeTopology);

  const auto program = stableHlo(text);
  auto compile = Plugin::make<CompileArgs>();
  compile.topology = described.get();
  compile.program = &program;
  compile.compileOptions = compileOptions.data();
  compile.compileOptionsSize = compileOptions.size();
  plugin.call(Slot::compile, compile);
  const auto freeExecutable = [&plugin](Executable* executable) {
    auto destroy = Plugin::make<ExecutableDestroyArgs>();
    destroy.executable = executable;
    plugin.release(Slot::executableDestroy, destroy);
  };
  const std::unique_ptr<Executable, decltype(freeExecutable)> compiled(compile.executable, freeExecutable);

  auto memory = Plugin::make<ExecutableGetCompiledMemoryStatsArgs>();
  memory.executable = compiled.get();
  plugin.call(Slot::executableGetCompiledMemoryStats, memory);
  return {memory.argumentBytes, memory.outputBytes, memory.aliasedBytes, memory.temporaryBytes};
}

}  // namespace pjrt
