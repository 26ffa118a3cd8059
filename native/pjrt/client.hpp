// A plugin's client: the devices that this process runs programs on. Shared by all threads of a run.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <variant>
#include <vector>

#include "key_value_store.hpp"
#include "plugin.hpp"

namespace pjrt {

/// Option of a client or of a topology, e.g. {"cpu_device_count", 2}.
struct ClientOption {
  std::string name;
  std::variant<std::int64_t, double, bool, std::string, std::vector<std::int64_t>> value;
};

/// The option as the API takes it; it must outlive what is made of it.
NamedValue namedValue(const ClientOption& option);

class DeviceProgram;

struct DeviceFacts {
  int id;
  std::string kind;
};

/// A device of any host.
struct DevicePlace {
  int id;
  /// The host's number.
  int process;
};

class SharedClient : public std::enable_shared_from_this<SharedClient> {
 public:
  /// @param store where the clients of several hosts find each other, null where there is one
  SharedClient(std::shared_ptr<const Plugin> plugin, const std::vector<ClientOption>& options,
               std::unique_ptr<KeyValueStore> store);
  ~SharedClient();
  SharedClient(const SharedClient&) = delete;
  SharedClient& operator=(const SharedClient&) = delete;

  const std::shared_ptr<const Plugin>& plugin() const { return plugin_; }
  Client* get() const { return client_; }
  const std::vector<DeviceFacts>& facts() const { return facts_; }
  /// Devices of all hosts.
  std::vector<DevicePlace> places() const;
  std::string platform() const { return text(Slot::clientPlatformName); }
  std::string platformVersion() const { return text(Slot::clientPlatformVersion); }
  /// Throws std::runtime_error where there are fewer devices.
  Device* device(std::size_t place) const;

  /// The program that was made for this key and is still held by someone, else what `make` gives: replicas that ask for
  /// one program at a time wait for the first of them to compile it.
  std::shared_ptr<const DeviceProgram> program(const std::string& key,
                                               const std::function<std::shared_ptr<const DeviceProgram>()>& make);

  /// A device waits for a partner that will not come: the plugin would wait for it too, so it is left as it is.
  /// The process then ends without the plugin's own clean-up, which would join the waiting threads.
  void leaveBehind();

 private:
  std::string text(Slot slot) const;
  void describeDevices();
  DeviceDescription* descriptionOf(Device* device) const;
  int idOf(DeviceDescription* description) const;

  std::shared_ptr<const Plugin> plugin_;
  std::unique_ptr<KeyValueStore> store_;
  Client* client_ = nullptr;
  std::vector<Device*> devices_;
  std::vector<DeviceFacts> facts_;
  std::atomic<bool> leftBehind_{false};
  std::mutex compiling_;
  std::map<std::string, std::weak_ptr<const DeviceProgram>> programs_;
};

}  // namespace pjrt
