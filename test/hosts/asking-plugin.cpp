// A PJRT plugin that has no device: creating its client tells this host's name through the key-value store, asks for those
// of all hosts, and fails with what it heard. For tests of the store and of the callbacks, which GPUs' plugins call so.
#include <cstring>
#include <string>

#include "abi.hpp"

struct pjrt::Error {
  int code;
  std::string message;
};

namespace {

using namespace pjrt;

Error* makeError(int code, const char* message, std::size_t size) { return new Error{code, std::string(message, size)}; }

void destroyError(ErrorDestroyArgs* args) { delete args->error; }

void tellMessage(ErrorMessageArgs* args) {
  args->message = args->error->message.data();
  args->messageSize = args->error->message.size();
}

Error* initialise(PluginInitializeArgs*) { return nullptr; }

std::int64_t number(const ClientCreateArgs* args, const char* name) {
  for (std::size_t place = 0; place < args->optionCount; place++) {
    const NamedValue& option = args->options[place];
    if (std::string(option.name, option.nameSize) == name) return option.value.int64;
  }
  return -1;
}

/// The value, or the error's code.
template <class Args, class Callback>
std::string ask(Callback callback, void* store, const std::string& key, Args args) {
  CallbackError fail = makeError;
  args.head.structSize = sizeof(Args);
  args.key = key.data();
  args.keySize = key.size();
  args.callbackError = &fail;
  args.userArgument = store;
  if (Error* error = callback(&args)) {
    const std::string code = "error " + std::to_string(error->code);
    delete error;
    return code;
  }
  const std::string value(args.value, args.valueSize);
  args.deleteValue(args.value);
  return value;
}

std::string get(const ClientCreateArgs* create, const std::string& key, int milliseconds) {
  KeyValueGetArgs args{};
  args.timeoutMilliseconds = milliseconds;
  return ask(create->keyValueGet, create->keyValueGetArgument, key, args);
}

Error* createClient(ClientCreateArgs* create) {
  const auto rank = number(create, "node_id");
  const auto hosts = number(create, "num_nodes");
  if (create->keyValueGet == nullptr) return new Error{3, "there is no store"};
  const std::string key = "host " + std::to_string(rank);
  // A zero and many bytes: topologies are no text.
  const std::string value = "I am " + std::to_string(rank) + std::string(1, '\0') + std::string(100'000, 'x');
  CallbackError fail = makeError;
  KeyValuePutArgs put{};
  put.head.structSize = sizeof put;
  put.key = key.data();
  put.keySize = key.size();
  put.value = value.data();
  put.valueSize = value.size();
  put.callbackError = &fail;
  put.userArgument = create->keyValuePutArgument;
  if (Error* error = create->keyValuePut(&put)) return error;
  const std::string absent = ask(create->keyValueTryGet, create->keyValueTryGetArgument, "absent", KeyValueTryGetArgs{});
  std::string heard = "absent: " + absent + "; late: " + get(create, "late", 200);
  for (std::int64_t host = 0; host < hosts; host++) {
    const std::string told = get(create, "host " + std::to_string(host), 60'000);
    heard += "; " + std::string(told.c_str()) + " and " + std::to_string(told.size() - std::strlen(told.c_str())) + " bytes";
  }
  return new Error{3, heard};
}

struct Table {
  Head head;
  Version version;
  AnyFunction functions[128];
};

Table table{};

}  // namespace

extern "C" const void* GetPjrtApi() {
  table.head.structSize = sizeof table;
  table.version.minor = 90;
  const auto place = [](Slot slot, auto function) {
    table.functions[static_cast<std::size_t>(slot)] = reinterpret_cast<AnyFunction>(function);
  };
  place(Slot::errorDestroy, destroyError);
  place(Slot::errorMessage, tellMessage);
  place(Slot::pluginInitialize, initialise);
  place(Slot::clientCreate, createClient);
  return &table;
}
