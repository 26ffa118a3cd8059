#include "device_state.hpp"

#include <cstring>

namespace pjrt {

void DeviceState::upload(std::size_t tensor, const HostTensor& elements) {
  Completion done(client_->plugin());
  buffers_.at(tensor) = DeviceBuffer::upload(*client_, device_, elements, done);
  done.wait({});
}

void DeviceState::download(std::size_t tensor, float* elements, std::size_t count, const WaitLimits& limits) const {
  if (!buffers_.at(tensor)) throw std::runtime_error("Expected state on the device but none was uploaded");
  // Aside: a wait that is given up must leave nobody writing into the caller's memory.
  const auto aside = std::make_shared<std::vector<float>>(count);
  Completion done(client_->plugin());
  buffers_.at(tensor).download(aside->data(), count * sizeof(float), done, aside);
  done.wait(limits);
  std::memcpy(elements, aside->data(), count * sizeof(float));
}

Buffer* DeviceState::buffer(std::size_t tensor) const {
  if (!buffers_.at(tensor)) throw std::runtime_error("Expected state on the device but none was uploaded");
  return buffers_.at(tensor).get();
}

}  // namespace pjrt
