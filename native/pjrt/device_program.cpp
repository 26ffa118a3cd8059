#include "device_program.hpp"

namespace pjrt {

void StartedRun::waitFor(const Completion& completion, const WaitLimits& limits) const {
  try {
    completion.wait(limits);
  } catch (const PluginError&) {
    throw;
  } catch (const std::runtime_error&) {
    client_->leaveBehind();
    throw;
  }
}

void StartedRun::waitUntilEnded(const WaitLimits& limits) const {
  waitFor(read_, limits);
  waitFor(ended_, limits);
}

void StartedRun::fetch() {
  if (!onDevice_) return;
  // The copy holds what it needs of the buffer, which is not asked for again.
  const DeviceBuffer buffer = std::move(onDevice_);
  buffer.download(outputs_->data(), outputs_->size() * sizeof(float), fetched_, outputs_);
}

const std::vector<float>& StartedRun::waitForOutputs(const WaitLimits& limits) {
  fetch();
  waitUntilEnded(limits);
  waitFor(fetched_, limits);
  return *outputs_;
}

std::shared_ptr<const DeviceProgram> DeviceProgram::compile(std::shared_ptr<SharedClient> client, std::string text,
                                                            const std::string& options, ProgramBinding binding) {
  const auto program = stableHlo(text);
  auto args = Plugin::make<ClientCompileArgs>();
  args.client = client->get();
  args.program = &program;
  args.compileOptions = options.data();
  args.compileOptionsSize = options.size();
  client->plugin()->call(Slot::clientCompile, args);
  return std::make_shared<const DeviceProgram>(std::move(client), args.executable, std::move(binding));
}

std::shared_ptr<const DeviceProgram> DeviceProgram::load(std::shared_ptr<SharedClient> client, const std::string& bytes,
                                                         ProgramBinding binding) {
  auto args = Plugin::make<DeserializeAndLoadArgs>();
  args.client = client->get();
  args.bytes = bytes.data();
  args.byteCount = bytes.size();
  client->plugin()->call(Slot::executableDeserializeAndLoad, args);
  return std::make_shared<const DeviceProgram>(std::move(client), args.executable, std::move(binding));
}

DeviceProgram::DeviceProgram(std::shared_ptr<SharedClient> client, LoadedExecutable* executable, ProgramBinding binding)
    : client_(std::move(client)), executable_(executable), binding_(std::move(binding)) {
  std::size_t results = 0;
  withExecutable([&](Executable* loaded) {
    auto count = Plugin::make<ExecutableNumOutputsArgs>();
    count.executable = loaded;
    client_->plugin()->call(Slot::executableNumOutputs, count);
    results = count.outputCount;
  });
  const std::size_t expected = binding_.writes.size() + (binding_.outputs > 0 ? 1 : 0);
  if (results != expected) {
    throw std::runtime_error("Expected a program with " + std::to_string(expected) + " results but received " +
                             std::to_string(results));
  }
}

DeviceProgram::~DeviceProgram() {
  auto destroy = Plugin::make<LoadedExecutableDestroyArgs>();
  destroy.executable = executable_;
  client_->plugin()->release(Slot::loadedExecutableDestroy, destroy);
}

template <class Read>
void DeviceProgram::withExecutable(Read read) const {
  auto get = Plugin::make<LoadedExecutableGetExecutableArgs>();
  get.loaded = executable_;
  client_->plugin()->call(Slot::loadedExecutableGetExecutable, get);
  const auto free = [this](Executable* executable) {
    auto destroy = Plugin::make<ExecutableDestroyArgs>();
    destroy.executable = executable;
    client_->plugin()->release(Slot::executableDestroy, destroy);
  };
  const std::unique_ptr<Executable, decltype(free)> held(get.executable, free);
  read(held.get());
}

std::string DeviceProgram::serialise() const {
  std::string bytes;
  withExecutable([&](Executable* executable) {
    auto args = Plugin::make<ExecutableSerializeArgs>();
    args.executable = executable;
    client_->plugin()->call(Slot::executableSerialize, args);
    const std::unique_ptr<SerializedExecutable, decltype(args.deleteSerialized)> held(args.serialized,
                                                                                      args.deleteSerialized);
    bytes.assign(args.bytes, args.byteCount);
  });
  return bytes;
}

std::unique_ptr<StartedRun> DeviceProgram::start(DeviceState& state, const std::vector<HostTensor>& inputs,
                                                 int launch) const {
  const auto& plugin = client_->plugin();
  auto run = std::make_unique<StartedRun>(client_, binding_.outputs);
  std::vector<Buffer*> arguments;
  for (const std::size_t tensor : binding_.reads) arguments.push_back(state.buffer(tensor));
  std::vector<DeviceBuffer> uploaded;
  for (const HostTensor& input : inputs) {
    uploaded.push_back(DeviceBuffer::upload(*client_, state.device(), input, run->read()));
    arguments.push_back(uploaded.back().get());
  }
  const std::size_t results = binding_.writes.size() + (binding_.outputs > 0 ? 1 : 0);
  std::vector<Buffer*> made(results, nullptr);
  Buffer* const* argumentList = arguments.data();
  Buffer** madeList = made.data();
  Event* complete = nullptr;
  auto options = Plugin::make<ExecuteOptions>();
  options.launchId = launch;
  auto execute = Plugin::make<ExecuteArgs>();
  execute.executable = executable_;
  execute.options = &options;
  execute.argumentLists = &argumentList;
  execute.deviceCount = 1;
  execute.argumentCount = arguments.size();
  execute.outputLists = &madeList;
  execute.completeEvents = &complete;
  execute.device = state.device();
  plugin->call(Slot::loadedExecutableExecute, execute);

  std::vector<DeviceBuffer> owned;
  for (Buffer* buffer : made) owned.emplace_back(plugin, buffer);
  run->ended().add(complete, nullptr);
  for (std::size_t place = 0; place < binding_.writes.size(); place++) {
    state.replace(binding_.writes[place], std::move(owned[place]));
  }
  if (binding_.outputs > 0) run->keepOutputs(std::move(owned.back()));
  return run;
}

}  // namespace pjrt
