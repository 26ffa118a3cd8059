// The part of the PJRT C API (openxla, xla/pjrt/c/pjrt_c_api.h) that we call: places in the plugin's table of functions
// and the arguments' layouts. They are facts of the interface as of version 0.90; later versions append to both, and
// a plugin tells by `struct_size` what its caller knows. `node scripts/check-pjrt-abi.mjs <header>` compares every
// offset with the published header.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pjrt {

// Opaque to us.
struct Error;
struct Event;
struct Client;
struct Device;
struct DeviceDescription;
struct Executable;
struct LoadedExecutable;
struct SerializedExecutable;
struct Buffer;
struct TopologyDescription;

/// Head of every structure: its size as the caller knows it, and a list of extensions that we never use.
struct Head {
  std::size_t structSize;
  void* extensions;
};

struct Version {
  Head head;
  int major;
  int minor;
};

/// Places of functions in the plugin's table, counted from the first.
enum class Slot : std::size_t {
  errorDestroy = 0,
  errorMessage = 1,
  pluginInitialize = 3,
  eventDestroy = 5,
  eventOnReady = 9,
  clientCreate = 10,
  clientDestroy = 11,
  clientPlatformName = 12,
  clientPlatformVersion = 14,
  clientDevices = 15,
  clientAddressableDevices = 16,
  clientCompile = 20,
  clientBufferFromHostBuffer = 22,
  deviceDescriptionId = 23,
  deviceDescriptionProcessIndex = 24,
  deviceDescriptionKind = 26,
  deviceGetDescription = 29,
  executableDestroy = 40,
  executableNumOutputs = 44,
  executableSerialize = 49,
  loadedExecutableDestroy = 50,
  loadedExecutableGetExecutable = 51,
  loadedExecutableExecute = 55,
  executableDeserializeAndLoad = 56,
  bufferDestroy = 58,
  bufferToHostBuffer = 70,
  topologyDescriptionCreate = 82,
  topologyDescriptionDestroy = 83,
  compile = 89,
  executableGetCompiledMemoryStats = 96,
};

/// Takes a pointer to its arguments; returns an error or null, where the API's header does not say otherwise.
using AnyFunction = void (*)();

/// What GetPjrtApi returns.
struct Api {
  Head head;
  Version version;
  AnyFunction functions[1];
};

struct ErrorDestroyArgs {
  Head head;
  Error* error;
};
struct ErrorMessageArgs {
  Head head;
  const Error* error;
  const char* message;
  std::size_t messageSize;
};
struct PluginInitializeArgs {
  Head head;
};
struct EventDestroyArgs {
  Head head;
  Event* event;
};
struct EventOnReadyArgs {
  Head head;
  Event* event;
  void (*callback)(Error* error, void* userArgument);
  void* userArgument;
};

enum class NamedValueType : int { string = 0, int64 = 1, int64List = 2, float32 = 3, boolean = 4 };

struct NamedValue {
  Head head;
  const char* name;
  std::size_t nameSize;
  NamedValueType type;
  union {
    const char* string;
    std::int64_t int64;
    const std::int64_t* int64List;
    float float32;
    bool boolean;
  } value;
  /// Bytes of a string, elements of a list, 1 for the others.
  std::size_t valueSize;
};

/// Makes an error of the plugin's; the codes are absl's.
using CallbackError = Error* (*)(int code, const char* message, std::size_t messageSize);

struct KeyValueGetArgs {
  Head head;
  const char* key;
  std::size_t keySize;
  int timeoutMilliseconds;
  CallbackError* callbackError;
  void* userArgument;
  char* value;
  std::size_t valueSize;
  void (*deleteValue)(char* value);
};
struct KeyValueTryGetArgs {
  Head head;
  const char* key;
  std::size_t keySize;
  CallbackError* callbackError;
  void* userArgument;
  char* value;
  std::size_t valueSize;
  void (*deleteValue)(char* value);
};
struct KeyValuePutArgs {
  Head head;
  const char* key;
  std::size_t keySize;
  const char* value;
  std::size_t valueSize;
  CallbackError* callbackError;
  void* userArgument;
};

/// The key-value callbacks are null where there is one host.
struct ClientCreateArgs {
  Head head;
  const NamedValue* options;
  std::size_t optionCount;
  Error* (*keyValueGet)(KeyValueGetArgs*);
  void* keyValueGetArgument;
  Error* (*keyValuePut)(KeyValuePutArgs*);
  void* keyValuePutArgument;
  Client* client;
  Error* (*keyValueTryGet)(KeyValueTryGetArgs*);
  void* keyValueTryGetArgument;
};
struct ClientDestroyArgs {
  Head head;
  Client* client;
};
struct ClientTextArgs {
  Head head;
  Client* client;
  const char* text;
  std::size_t textSize;
};
struct ClientDevicesArgs {
  Head head;
  Client* client;
  Device* const* devices;
  std::size_t deviceCount;
};
struct ClientAddressableDevicesArgs {
  Head head;
  Client* client;
  Device* const* devices;
  std::size_t deviceCount;
};
struct Program {
  Head head;
  char* code;
  std::size_t codeSize;
  const char* format;
  std::size_t formatSize;
};
struct ClientCompileArgs {
  Head head;
  Client* client;
  const Program* program;
  const char* compileOptions;
  std::size_t compileOptionsSize;
  LoadedExecutable* executable;
};

/// Element types of buffers.
enum class ElementType : int { s32 = 4, u8 = 6, f32 = 11, bf16 = 13 };

/// Who may touch the host's memory: it is copied before the call returns, or stays as it is until the transfer is done.
enum class HostSemantics : int { duringCall = 0, untilTransferCompletes = 1 };

struct BufferFromHostBufferArgs {
  Head head;
  Client* client;
  const void* data;
  ElementType type;
  const std::int64_t* dimensions;
  std::size_t dimensionCount;
  const std::int64_t* byteStrides;
  std::size_t byteStrideCount;
  HostSemantics semantics;
  Device* device;
  void* memory;
  void* deviceLayout;
  Event* doneWithHostBuffer;
  Buffer* buffer;
};
struct DeviceGetDescriptionArgs {
  Head head;
  Device* device;
  DeviceDescription* description;
};
struct DeviceDescriptionIdArgs {
  Head head;
  DeviceDescription* description;
  int id;
};
struct DeviceDescriptionProcessIndexArgs {
  Head head;
  DeviceDescription* description;
  int processIndex;
};
struct DeviceDescriptionKindArgs {
  Head head;
  DeviceDescription* description;
  const char* kind;
  std::size_t kindSize;
};
struct ExecutableDestroyArgs {
  Head head;
  Executable* executable;
};
struct ExecutableNumOutputsArgs {
  Head head;
  Executable* executable;
  std::size_t outputCount;
};
struct ExecutableSerializeArgs {
  Head head;
  const Executable* executable;
  const char* bytes;
  std::size_t byteCount;
  SerializedExecutable* serialized;
  void (*deleteSerialized)(SerializedExecutable*);
};
struct LoadedExecutableDestroyArgs {
  Head head;
  LoadedExecutable* executable;
};
struct LoadedExecutableGetExecutableArgs {
  Head head;
  LoadedExecutable* loaded;
  Executable* executable;
};
struct ExecuteOptions {
  Head head;
  void** sendCallbacks;
  void** receiveCallbacks;
  std::size_t sendCount;
  std::size_t receiveCount;
  int launchId;
  const std::int64_t* keptInputs;
  std::size_t keptInputCount;
  void* context;
  const char* callLocation;
  std::size_t taskCount;
  int* taskIds;
  std::int64_t* incarnationIds;
};
struct ExecuteArgs {
  Head head;
  LoadedExecutable* executable;
  ExecuteOptions* options;
  Buffer* const* const* argumentLists;
  std::size_t deviceCount;
  std::size_t argumentCount;
  Buffer** const* outputLists;
  Event** completeEvents;
  Device* device;
};
struct DeserializeAndLoadArgs {
  Head head;
  Client* client;
  const char* bytes;
  std::size_t byteCount;
  LoadedExecutable* executable;
  const char* compileOptions;
  std::size_t compileOptionsSize;
};
struct BufferDestroyArgs {
  Head head;
  Buffer* buffer;
};
struct BufferToHostBufferArgs {
  Head head;
  Buffer* source;
  void* hostLayout;
  void* destination;
  std::size_t destinationSize;
  Event* event;
};

struct TopologyDescriptionCreateArgs {
  Head head;
  const char* name;
  std::size_t nameSize;
  const NamedValue* options;
  std::size_t optionCount;
  TopologyDescription* topology;
};
struct TopologyDescriptionDestroyArgs {
  Head head;
  TopologyDescription* topology;
};
/// The client may be null: then nothing is asked of a device.
struct CompileArgs {
  Head head;
  const TopologyDescription* topology;
  const Program* program;
  const char* compileOptions;
  std::size_t compileOptionsSize;
  Client* client;
  Executable* executable;
};
struct ExecutableGetCompiledMemoryStatsArgs {
  Head head;
  Executable* executable;
  std::int64_t codeBytes;
  std::int64_t argumentBytes;
  std::int64_t outputBytes;
  std::int64_t aliasedBytes;
  std::int64_t temporaryBytes;
  std::int64_t hostCodeBytes;
  std::int64_t hostArgumentBytes;
  std::int64_t hostOutputBytes;
  std::int64_t hostAliasedBytes;
  std::int64_t hostTemporaryBytes;
  std::int64_t peakBytes;
  std::int64_t totalBytes;
};

/// Size of a structure up to the end of its last member, as the API counts (no padding behind it).
template <class Args>
constexpr std::size_t structSize() {
  return sizeof(Args);
}
template <>
constexpr std::size_t structSize<DeviceDescriptionIdArgs>() {
  return offsetof(DeviceDescriptionIdArgs, id) + sizeof(int);
}
template <>
constexpr std::size_t structSize<DeviceDescriptionProcessIndexArgs>() {
  return offsetof(DeviceDescriptionProcessIndexArgs, processIndex) + sizeof(int);
}

}  // namespace pjrt
