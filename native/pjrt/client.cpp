#include "client.hpp"

#include <cstdlib>
#include <cstring>

namespace pjrt {

namespace {

constexpr int codeInternal = 13;
constexpr int codeNotFound = 5;

char* copied(const std::string& text) {
  auto* bytes = static_cast<char*>(std::malloc(text.size() + 1));
  if (bytes == nullptr) throw std::bad_alloc();
  std::memcpy(bytes, text.data(), text.size());
  bytes[text.size()] = '\0';
  return bytes;
}

void freeCopied(char* bytes) { std::free(bytes); }

template <class Args>
Error* failWith(Args* args, int code, const std::string& message) {
  return (*args->callbackError)(code, message.data(), message.size());
}

KeyValueStore& storeOf(void* argument) { return *static_cast<KeyValueStore*>(argument); }

Error* keyValueGet(KeyValueGetArgs* args) {
  try {
    const std::string key(args->key, args->keySize);
    const std::string value = storeOf(args->userArgument).get(key, args->timeoutMilliseconds);
    args->value = copied(value);
    args->valueSize = value.size();
    args->deleteValue = &freeCopied;
    return nullptr;
  } catch (const std::exception& error) {
    return failWith(args, codeInternal, error.what());
  }
}

Error* keyValueTryGet(KeyValueTryGetArgs* args) {
  try {
    const std::string key(args->key, args->keySize);
    std::string value;
    if (!storeOf(args->userArgument).tryGet(key, value)) return failWith(args, codeNotFound, "no such key: " + key);
    args->value = copied(value);
    args->valueSize = value.size();
    args->deleteValue = &freeCopied;
    return nullptr;
  } catch (const std::exception& error) {
    return failWith(args, codeInternal, error.what());
  }
}

Error* keyValuePut(KeyValuePutArgs* args) {
  try {
    storeOf(args->userArgument).put(std::string(args->key, args->keySize), std::string(args->value, args->valueSize));
    return nullptr;
  } catch (const std::exception& error) {
    return failWith(args, codeInternal, error.what());
  }
}

NamedValue namedValue(const ClientOption& option) {
  auto named = Plugin::make<NamedValue>();
  named.name = option.name.c_str();
  named.nameSize = option.name.size();
  named.valueSize = 1;
  if (const auto* number = std::get_if<std::int64_t>(&option.value)) {
    named.type = NamedValueType::int64;
    named.value.int64 = *number;
  } else if (const auto* fraction = std::get_if<double>(&option.value)) {
    named.type = NamedValueType::float32;
    named.value.float32 = static_cast<float>(*fraction);
  } else if (const auto* flag = std::get_if<bool>(&option.value)) {
    named.type = NamedValueType::boolean;
    named.value.boolean = *flag;
  } else if (const auto* text = std::get_if<std::string>(&option.value)) {
    named.type = NamedValueType::string;
    named.value.string = text->c_str();
    named.valueSize = text->size();
  } else {
    const auto& list = std::get<std::vector<std::int64_t>>(option.value);
    named.type = NamedValueType::int64List;
    named.value.int64List = list.data();
    named.valueSize = list.size();
  }
  return named;
}

}  // namespace

SharedClient::SharedClient(std::shared_ptr<const Plugin> plugin, const std::vector<ClientOption>& options,
                           std::unique_ptr<KeyValueStore> store)
    : plugin_(std::move(plugin)), store_(std::move(store)) {
  std::vector<NamedValue> named;
  for (const ClientOption& option : options) named.push_back(namedValue(option));
  auto create = Plugin::make<ClientCreateArgs>();
  create.options = named.data();
  create.optionCount = named.size();
  if (store_ != nullptr) {
    create.keyValueGet = &keyValueGet;
    create.keyValueGetArgument = store_.get();
    create.keyValuePut = &keyValuePut;
    create.keyValuePutArgument = store_.get();
    create.keyValueTryGet = &keyValueTryGet;
    create.keyValueTryGetArgument = store_.get();
  }
  plugin_->call(Slot::clientCreate, create);
  client_ = create.client;
  describeDevices();
}

SharedClient::~SharedClient() {
  if (leftBehind_) {
    // The plugin may still ask the store.
    store_.release();
    return;
  }
  auto destroy = Plugin::make<ClientDestroyArgs>();
  destroy.client = client_;
  plugin_->release(Slot::clientDestroy, destroy);
}

void SharedClient::describeDevices() {
  auto list = Plugin::make<ClientAddressableDevicesArgs>();
  list.client = client_;
  plugin_->call(Slot::clientAddressableDevices, list);
  devices_.assign(list.devices, list.devices + list.deviceCount);
  for (Device* device : devices_) {
    auto get = Plugin::make<DeviceGetDescriptionArgs>();
    get.device = device;
    plugin_->call(Slot::deviceGetDescription, get);
    auto id = Plugin::make<DeviceDescriptionIdArgs>();
    id.description = get.description;
    plugin_->call(Slot::deviceDescriptionId, id);
    auto kind = Plugin::make<DeviceDescriptionKindArgs>();
    kind.description = get.description;
    plugin_->call(Slot::deviceDescriptionKind, kind);
    facts_.push_back({id.id, std::string(kind.kind, kind.kindSize)});
  }
}

Device* SharedClient::device(std::size_t place) const {
  if (place >= devices_.size()) {
    throw std::runtime_error("Expected a device of the client, which has " + std::to_string(devices_.size()) +
                             ", but received number " + std::to_string(place));
  }
  return devices_[place];
}

std::shared_ptr<const DeviceProgram> SharedClient::program(
    const std::string& key, const std::function<std::shared_ptr<const DeviceProgram>()>& make) {
  const std::lock_guard<std::mutex> lock(compiling_);
  if (auto known = programs_[key].lock()) return known;
  auto made = make();
  programs_[key] = made;
  return made;
}

std::string SharedClient::text(Slot slot) const {
  auto args = Plugin::make<ClientTextArgs>();
  args.client = client_;
  plugin_->call(slot, args);
  return std::string(args.text, args.textSize);
}

}  // namespace pjrt
