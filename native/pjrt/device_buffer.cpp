#include "device_buffer.hpp"

namespace pjrt {

DeviceBuffer DeviceBuffer::upload(const SharedClient& client, Device* device, const HostTensor& tensor,
                                  Completion& done) {
  auto args = Plugin::make<BufferFromHostBufferArgs>();
  args.client = client.get();
  args.data = tensor.data;
  args.type = tensor.type;
  args.dimensions = tensor.dimensions->data();
  args.dimensionCount = tensor.dimensions->size();
  args.semantics = HostSemantics::untilTransferCompletes;
  args.device = device;
  client.plugin()->call(Slot::clientBufferFromHostBuffer, args);
  DeviceBuffer buffer(client.plugin(), args.buffer);
  done.add(args.doneWithHostBuffer, nullptr);
  return buffer;
}

void DeviceBuffer::download(void* destination, std::size_t bytes, Completion& done,
                            std::shared_ptr<void> keepAlive) const {
  auto args = Plugin::make<BufferToHostBufferArgs>();
  args.source = buffer_;
  plugin_->call(Slot::bufferToHostBuffer, args);
  if (args.destinationSize != bytes) {
    throw std::runtime_error("Expected " + std::to_string(bytes) + " bytes on the device but received " +
                             std::to_string(args.destinationSize));
  }
  args = Plugin::make<BufferToHostBufferArgs>();
  args.source = buffer_;
  args.destination = destination;
  args.destinationSize = bytes;
  plugin_->call(Slot::bufferToHostBuffer, args);
  done.add(args.event, std::move(keepAlive));
}

}  // namespace pjrt
