#include "client.hpp"

#include <unistd.h>

#include <cstdlib>

namespace pjrt {

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

SharedClient::SharedClient(std::shared_ptr<const Plugin> plugin, const std::vector<ClientOption>& options,
                           std::unique_ptr<KeyValueStore> store)
    : plugin_(std::move(plugin)), store_(std::move(store)) {
  std::vector<NamedValue> named;
  for (const ClientOption& option : options) named.push_back(namedValue(option));
  auto create = Plugin::make<ClientCreateArgs>();
  create.options = named.data();
  create.optionCount = named.size();
  if (store_ != nullptr) offerStore(create, *store_);
  plugin_->call(Slot::clientCreate, create);
  client_ = create.client;
  describeDevices();
}

void SharedClient::leaveBehind() {
  if (leftBehind_.exchange(true)) return;
#ifdef __GLIBC__
  // Runs before the clean-up of the plugin, which was loaded earlier.
  on_exit([](int status, void*) { _exit(status); }, nullptr);
#endif
}

SharedClient::~SharedClient() {
  if (leftBehind_) {
    // The plugin's threads may still ask the store.
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
    auto kind = Plugin::make<DeviceDescriptionKindArgs>();
    kind.description = descriptionOf(device);
    plugin_->call(Slot::deviceDescriptionKind, kind);
    facts_.push_back({idOf(kind.description), std::string(kind.kind, kind.kindSize)});
  }
}

DeviceDescription* SharedClient::descriptionOf(Device* device) const {
  auto get = Plugin::make<DeviceGetDescriptionArgs>();
  get.device = device;
  plugin_->call(Slot::deviceGetDescription, get);
  return get.description;
}

int SharedClient::idOf(DeviceDescription* description) const {
  auto id = Plugin::make<DeviceDescriptionIdArgs>();
  id.description = description;
  plugin_->call(Slot::deviceDescriptionId, id);
  return id.id;
}

std::vector<DevicePlace> SharedClient::places() const {
  auto list = Plugin::make<ClientDevicesArgs>();
  list.client = client_;
  plugin_->call(Slot::clientDevices, list);
  std::vector<DevicePlace> places;
  for (std::size_t place = 0; place < list.deviceCount; place++) {
    auto process = Plugin::make<DeviceDescriptionProcessIndexArgs>();
    process.description = descriptionOf(list.devices[place]);
    plugin_->call(Slot::deviceDescriptionProcessIndex, process);
    places.push_back({idOf(process.description), process.processIndex});
  }
  return places;
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
