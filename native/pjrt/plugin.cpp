#include "plugin.hpp"

#include <dlfcn.h>

namespace pjrt {

namespace {

/// Functions that runs need lie in the table's first part, which every version that we serve has.
constexpr Slot lastOfRuns = Slot::bufferToHostBuffer;

}  // namespace

Plugin::Plugin(const std::string& path, int oldestMinor) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) throw std::runtime_error(std::string("it does not load: ") + dlerror());
  using GetApi = const Api* (*)();
  const auto getApi = reinterpret_cast<GetApi>(dlsym(library, "GetPjrtApi"));
  if (getApi == nullptr) throw std::runtime_error("it has no function GetPjrtApi, so it is no PJRT plugin");
  api_ = getApi();
  const std::string version = std::to_string(major()) + "." + std::to_string(minor());
  if (major() != 0 || minor() < oldestMinor) {
    throw std::runtime_error("its PJRT API is " + version + "; 0." + std::to_string(oldestMinor) +
                             " or newer is served");
  }
  expectFunctionsUpTo(lastOfRuns);
  auto initialise = make<PluginInitializeArgs>();
  call(Slot::pluginInitialize, initialise);
}

void Plugin::expectFunctionsUpTo(Slot slot) const {
  const std::size_t count = static_cast<std::size_t>(slot) + 1;
  if (api_->head.structSize >= offsetof(Api, functions) + count * sizeof(AnyFunction)) return;
  const std::string version = std::to_string(major()) + "." + std::to_string(minor());
  throw std::runtime_error("its table of functions (PJRT API " + version + ") ends before those that are needed");
}

std::string Plugin::takeMessage(Error* error) const {
  // These two return nothing, unlike all other functions of the table.
  auto message = make<ErrorMessageArgs>();
  message.error = error;
  function<void>(Slot::errorMessage)(&message);
  std::string text(message.message, message.messageSize);
  auto destroy = make<ErrorDestroyArgs>();
  destroy.error = error;
  function<void>(Slot::errorDestroy)(&destroy);
  return text;
}

}  // namespace pjrt
