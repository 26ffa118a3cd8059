// The state tensors of a run on one device: weights, momentum, running averages. Programs read them and put new ones in.
#pragma once

#include <vector>

#include "device_buffer.hpp"

namespace pjrt {

class DeviceState {
 public:
  DeviceState(std::shared_ptr<SharedClient> client, Device* device, std::size_t tensors)
      : client_(std::move(client)), device_(device), buffers_(tensors) {}

  const std::shared_ptr<SharedClient>& client() const { return client_; }
  Device* device() const { return device_; }
  std::size_t size() const { return buffers_.size(); }

  /// Blocks until the elements are read.
  void upload(std::size_t tensor, const HostTensor& elements);
  /// Elements of an f32 tensor: waits for what is computing it, then copies.
  void download(std::size_t tensor, float* elements, std::size_t count, const WaitLimits& limits) const;

  /// Throws std::runtime_error where the tensor was never uploaded.
  Buffer* buffer(std::size_t tensor) const;
  void replace(std::size_t tensor, DeviceBuffer buffer) { buffers_.at(tensor) = std::move(buffer); }

 private:
  std::shared_ptr<SharedClient> client_;
  Device* device_;
  std::vector<DeviceBuffer> buffers_;
};

}  // namespace pjrt
