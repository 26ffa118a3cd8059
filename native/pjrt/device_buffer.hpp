// Memory on a device.
#pragma once

#include <vector>

#include "client.hpp"
#include "completion.hpp"

namespace pjrt {

/// A tensor in host memory, which outlives this.
struct HostTensor {
  const void* data;
  ElementType type;
  const std::vector<std::int64_t>* dimensions;
};

class DeviceBuffer {
 public:
  DeviceBuffer() = default;
  DeviceBuffer(std::shared_ptr<const Plugin> plugin, Buffer* buffer) : plugin_(std::move(plugin)), buffer_(buffer) {}
  DeviceBuffer(DeviceBuffer&& other) noexcept : plugin_(std::move(other.plugin_)), buffer_(other.buffer_) {
    other.buffer_ = nullptr;
  }
  DeviceBuffer& operator=(DeviceBuffer&& other) noexcept {
    std::swap(plugin_, other.plugin_);
    std::swap(buffer_, other.buffer_);
    return *this;
  }
  DeviceBuffer(const DeviceBuffer&) = delete;
  DeviceBuffer& operator=(const DeviceBuffer&) = delete;
  ~DeviceBuffer() {
    if (buffer_ == nullptr) return;
    auto destroy = Plugin::make<BufferDestroyArgs>();
    destroy.buffer = buffer_;
    plugin_->release(Slot::bufferDestroy, destroy);
  }

  /// Copies host memory to a device. The memory must stay as it is until `done` has come.
  static DeviceBuffer upload(const SharedClient& client, Device* device, const HostTensor& tensor, Completion& done);

  Buffer* get() const { return buffer_; }
  explicit operator bool() const { return buffer_ != nullptr; }

  /// Begins the copy to host memory of as many bytes; `keepAlive` holds that memory until the copy is done.
  void download(void* destination, std::size_t bytes, Completion& done, std::shared_ptr<void> keepAlive) const;

 private:
  std::shared_ptr<const Plugin> plugin_;
  Buffer* buffer_ = nullptr;
};

}  // namespace pjrt
