// The border between Node and the PJRT client: src/engine/executors/xla/pjrt-addon.ts is its other side. Nothing else here
// knows of JavaScript; all state hangs on the objects that are handed out.

// A run may fail in a thread that is being ended, where nothing can be thrown into JavaScript any more.
#define NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS
#include <napi.h>

#include <cstring>

#include "../common/arguments.hpp"
#include "ahead_of_time.hpp"
#include "device_program.hpp"

namespace {

using border::fail;

/// Runs native work; its exceptions become JavaScript's.
template <class Work>
auto guarded(Napi::Env env, Work work) {
  try {
    return work();
  } catch (const Napi::Error&) {
    throw;
  } catch (const std::exception& error) {
    fail(env, error.what());
  }
}

std::vector<std::int64_t> int64List(const Napi::Value& value) {
  const auto array = value.As<Napi::Array>();
  std::vector<std::int64_t> list;
  for (std::uint32_t place = 0; place < array.Length(); place++) {
    list.push_back(array.Get(place).ToNumber().Int64Value());
  }
  return list;
}

std::vector<std::size_t> places(const Napi::Value& value) {
  const auto list = int64List(value);
  return {list.begin(), list.end()};
}

Napi::Float32Array floats(const Napi::CallbackInfo& info, std::size_t place, const char* name) {
  if (!info[place].IsTypedArray() || info[place].As<Napi::TypedArray>().TypedArrayType() != napi_float32_array) {
    fail(info.Env(), std::string("Expected a Float32Array for ") + name);
  }
  return info[place].As<Napi::Float32Array>();
}

/// u8, i32, f32, or bf16 as the bits of u16, in a typed array with as many elements as the dimensions say.
pjrt::HostTensor hostTensor(Napi::Env env, const Napi::Value& value, const std::vector<std::int64_t>& dimensions) {
  const auto array = value.As<Napi::TypedArray>();
  std::size_t elements = 1;
  for (const std::int64_t dimension : dimensions) elements *= static_cast<std::size_t>(dimension);
  if (array.ElementLength() != elements) {
    fail(env,
         "Expected " + std::to_string(elements) + " elements but received " + std::to_string(array.ElementLength()));
  }
  switch (array.TypedArrayType()) {
    case napi_uint8_array: return {array.As<Napi::Uint8Array>().Data(), pjrt::ElementType::u8, &dimensions};
    case napi_int32_array: return {array.As<Napi::Int32Array>().Data(), pjrt::ElementType::s32, &dimensions};
    case napi_uint16_array: return {array.As<Napi::Uint16Array>().Data(), pjrt::ElementType::bf16, &dimensions};
    case napi_float32_array: return {array.As<Napi::Float32Array>().Data(), pjrt::ElementType::f32, &dimensions};
    default: fail(env, "Expected elements of u8, i32, f32 or bf16");
  }
}

/// (abandoned: Int32Array of one word, or null; timeout in milliseconds, 0 = none)
pjrt::WaitLimits waitLimits(const Napi::CallbackInfo& info, std::size_t place) {
  pjrt::WaitLimits limits;
  // The word lies in memory that threads share; JavaScript writes it with Atomics.store, which std::atomic reads.
  static_assert(sizeof(std::atomic<std::int32_t>) == sizeof(std::int32_t) &&
                std::atomic<std::int32_t>::is_always_lock_free);
  if (info[place].IsTypedArray()) {
    limits.abandoned = reinterpret_cast<const std::atomic<std::int32_t>*>(info[place].As<Napi::Int32Array>().Data());
  }
  limits.timeout = std::chrono::milliseconds(info[place + 1].ToNumber().Int64Value());
  return limits;
}

std::vector<pjrt::ClientOption> clientOptions(const Napi::Value& value) {
  const auto entries = value.As<Napi::Array>();
  std::vector<pjrt::ClientOption> options;
  for (std::uint32_t place = 0; place < entries.Length(); place++) {
    const auto entry = entries.Get(place).As<Napi::Object>();
    pjrt::ClientOption option{entry.Get("name").ToString().Utf8Value(), std::int64_t{0}};
    const Napi::Value given = entry.Get("value");
    const std::string type = entry.Get("type").ToString().Utf8Value();
    if (type == "int64") option.value = given.ToNumber().Int64Value();
    if (type == "float") option.value = given.ToNumber().DoubleValue();
    if (type == "bool") option.value = given.ToBoolean().Value();
    if (type == "string") option.value = given.ToString().Utf8Value();
    if (type == "int64List") option.value = int64List(given);
    options.push_back(std::move(option));
  }
  return options;
}

std::string bytesOf(const Napi::Value& value) {
  const auto bytes = value.As<Napi::Uint8Array>();
  return {reinterpret_cast<const char*>(bytes.Data()), bytes.ElementLength()};
}

class ClientObject : public Napi::ObjectWrap<ClientObject> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(
        env, "Client",
        {InstanceMethod("handle", &ClientObject::handle), InstanceMethod("facts", &ClientObject::facts)});
  }

  // (plugin: string, oldestMinor, options, store: {host, port, prefix, key} | null) opens a client; (handle: bigint)
  // joins one that another thread holds for as long as this constructor runs.
  explicit ClientObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<ClientObject>(info) {
    guarded(info.Env(), [&] {
      if (info[0].IsBigInt()) {
        bool lossless = false;
        const std::uint64_t address = info[0].As<Napi::BigInt>().Uint64Value(&lossless);
        client_ = reinterpret_cast<pjrt::SharedClient*>(address)->shared_from_this();
        return;
      }
      const auto plugin =
          std::make_shared<const pjrt::Plugin>(info[0].ToString().Utf8Value(), info[1].ToNumber().Int32Value());
      std::unique_ptr<pjrt::KeyValueStore> store;
      if (info[3].IsObject()) {
        const auto given = info[3].As<Napi::Object>();
        net::HostAddress address{given.Get("host").ToString().Utf8Value(), given.Get("port").ToNumber().Int32Value()};
        const auto key = given.Get("key").As<Napi::Uint8Array>();
        store = std::make_unique<pjrt::KeyValueStore>(
            std::move(address), given.Get("prefix").ToString().Utf8Value(),
            std::string(reinterpret_cast<const char*>(key.Data()), key.ByteLength()));
      }
      client_ = std::make_shared<pjrt::SharedClient>(plugin, clientOptions(info[2]), std::move(store));
    });
  }

  const std::shared_ptr<pjrt::SharedClient>& client() const { return client_; }

 private:
  Napi::Value handle(const Napi::CallbackInfo& info) {
    return Napi::BigInt::New(info.Env(), static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(client_.get())));
  }

  Napi::Value facts(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    return guarded(env, [&]() -> Napi::Value {
      auto facts = Napi::Object::New(env);
      facts.Set("platform", client_->platform());
      facts.Set("platformVersion", client_->platformVersion());
      facts.Set("major", client_->plugin()->major());
      facts.Set("minor", client_->plugin()->minor());
      auto devices = Napi::Array::New(env);
      for (const auto& [id, kind] : client_->facts()) {
        auto device = Napi::Object::New(env);
        device.Set("id", id);
        device.Set("kind", kind);
        devices.Set(devices.Length(), device);
      }
      facts.Set("devices", devices);
      auto everywhere = Napi::Array::New(env);
      for (const auto& [id, process] : client_->places()) {
        auto device = Napi::Object::New(env);
        device.Set("id", id);
        device.Set("process", process);
        everywhere.Set(everywhere.Length(), device);
      }
      facts.Set("everywhere", everywhere);
      return facts;
    });
  }

  std::shared_ptr<pjrt::SharedClient> client_;
};

class StateObject : public Napi::ObjectWrap<StateObject> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(
        env, "State",
        {InstanceMethod("upload", &StateObject::upload), InstanceMethod("download", &StateObject::download),
         InstanceMethod("dispose", &StateObject::dispose)});
  }

  // (client: Client, device: number, tensors: number)
  explicit StateObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<StateObject>(info) {
    guarded(info.Env(), [&] {
      const auto& client = ClientObject::Unwrap(info[0].As<Napi::Object>())->client();
      const auto device = client->device(static_cast<std::size_t>(info[1].ToNumber().Int64Value()));
      const auto tensors = static_cast<std::size_t>(info[2].ToNumber().Int64Value());
      state_ = std::make_unique<pjrt::DeviceState>(client, device, tensors);
    });
  }

  pjrt::DeviceState& state(Napi::Env env) const {
    if (state_ == nullptr) fail(env, "Expected state on a device but received one that was disposed of");
    return *state_;
  }

 private:
  // (tensor: number, elements: Float32Array | Uint16Array, dimensions: number[])
  void upload(const Napi::CallbackInfo& info) {
    const auto dimensions = int64List(info[2]);
    const auto elements = hostTensor(info.Env(), info[1], dimensions);
    guarded(info.Env(),
            [&] { state(info.Env()).upload(static_cast<std::size_t>(info[0].ToNumber().Int64Value()), elements); });
  }

  // (tensor: number, elements: Float32Array, abandoned, timeout)
  void download(const Napi::CallbackInfo& info) {
    auto elements = floats(info, 1, "elements");
    guarded(info.Env(), [&] {
      state(info.Env())
          .download(static_cast<std::size_t>(info[0].ToNumber().Int64Value()), elements.Data(),
                    elements.ElementLength(), waitLimits(info, 2));
    });
  }

  void dispose(const Napi::CallbackInfo&) { state_.reset(); }

  std::unique_ptr<pjrt::DeviceState> state_;
};

class ProgramObject : public Napi::ObjectWrap<ProgramObject> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(
        env, "Program",
        {InstanceMethod("serialise", &ProgramObject::serialise), InstanceMethod("dispose", &ProgramObject::dispose)});
  }

  // (client: Client, source: string of StableHLO | Uint8Array of serialise(), compile options: Uint8Array,
  //  {reads, writes, outputs}, dimensions of each host input, key: string that tells programs apart)
  explicit ProgramObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<ProgramObject>(info) {
    guarded(info.Env(), [&] {
      const auto& client = ClientObject::Unwrap(info[0].As<Napi::Object>())->client();
      const auto object = info[3].As<Napi::Object>();
      pjrt::ProgramBinding binding{places(object.Get("reads")), places(object.Get("writes")),
                                   static_cast<std::size_t>(object.Get("outputs").ToNumber().Int64Value())};
      const auto inputs = info[4].As<Napi::Array>();
      for (std::uint32_t place = 0; place < inputs.Length(); place++)
        dimensions_.push_back(int64List(inputs.Get(place)));
      program_ = client->program(info[5].ToString().Utf8Value(), [&] {
        return info[1].IsString()
                   ? pjrt::DeviceProgram::compile(client, info[1].ToString().Utf8Value(), bytesOf(info[2]), binding)
                   : pjrt::DeviceProgram::load(client, bytesOf(info[1]), binding);
      });
    });
  }

  const pjrt::DeviceProgram& program(Napi::Env env) const {
    if (program_ == nullptr) fail(env, "Expected a compiled program but received one that was disposed of");
    return *program_;
  }
  const std::vector<std::vector<std::int64_t>>& dimensions() const { return dimensions_; }

 private:
  Napi::Value serialise(const Napi::CallbackInfo& info) {
    const auto bytes = guarded(info.Env(), [&] { return program(info.Env()).serialise(); });
    return Napi::Buffer<char>::Copy(info.Env(), bytes.data(), bytes.size());
  }

  void dispose(const Napi::CallbackInfo&) { program_.reset(); }

  std::shared_ptr<const pjrt::DeviceProgram> program_;
  std::vector<std::vector<std::int64_t>> dimensions_;
};

class RunObject : public Napi::ObjectWrap<RunObject> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "Run",
                       {InstanceMethod("waitUntilRead", &RunObject::waitUntilRead),
                        InstanceMethod("waitUntilEnded", &RunObject::waitUntilEnded),
                        InstanceMethod("fetch", &RunObject::fetch), InstanceMethod("outputs", &RunObject::outputs)});
  }

  // (program: Program, state: State, inputs: typed arrays, launch: number) starts a run
  explicit RunObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<RunObject>(info) {
    const Napi::Env env = info.Env();
    const auto* program = ProgramObject::Unwrap(info[0].As<Napi::Object>());
    auto& state = StateObject::Unwrap(info[1].As<Napi::Object>())->state(env);
    const auto arrays = info[2].As<Napi::Array>();
    const auto& dimensions = program->dimensions();
    if (arrays.Length() != dimensions.size()) {
      fail(env,
           "Expected " + std::to_string(dimensions.size()) + " inputs but received " + std::to_string(arrays.Length()));
    }
    std::vector<pjrt::HostTensor> inputs;
    for (std::uint32_t place = 0; place < arrays.Length(); place++) {
      inputs.push_back(hostTensor(env, arrays.Get(place), dimensions[place]));
    }
    run_ = guarded(env, [&] { return program->program(env).start(state, inputs, info[3].ToNumber().Int32Value()); });
  }

 private:
  // (abandoned, timeout)
  void waitUntilRead(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] { run_->waitUntilRead(waitLimits(info, 0)); });
  }

  // (abandoned, timeout)
  void waitUntilEnded(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] { run_->waitUntilEnded(waitLimits(info, 0)); });
  }

  void fetch(const Napi::CallbackInfo& info) {
    guarded(info.Env(), [&] { run_->fetch(); });
  }

  // (outputs: Float32Array, abandoned, timeout)
  void outputs(const Napi::CallbackInfo& info) {
    auto outputs = floats(info, 0, "outputs");
    if (outputs.ElementLength() != run_->outputs()) {
      fail(info.Env(), "Expected room for " + std::to_string(run_->outputs()) + " outputs but received " +
                           std::to_string(outputs.ElementLength()));
    }
    guarded(info.Env(), [&] {
      const auto& made = run_->waitForOutputs(waitLimits(info, 1));
      std::memcpy(outputs.Data(), made.data(), made.size() * sizeof(float));
    });
  }

  std::unique_ptr<pjrt::StartedRun> run_;
};

// (plugin: string, oldestMinor, options of the topology, StableHLO: string, compile options: Uint8Array)
Napi::Value compileAheadOfTime(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  return guarded(env, [&]() -> Napi::Value {
    const pjrt::Plugin plugin(info[0].ToString().Utf8Value(), info[1].ToNumber().Int32Value());
    const auto memory =
        pjrt::compileAheadOfTime(plugin, clientOptions(info[2]), info[3].ToString().Utf8Value(), bytesOf(info[4]));
    const auto made = Napi::Object::New(env);
    made.Set("argumentBytes", static_cast<double>(memory.argumentBytes));
    made.Set("outputBytes", static_cast<double>(memory.outputBytes));
    made.Set("aliasedBytes", static_cast<double>(memory.aliasedBytes));
    made.Set("temporaryBytes", static_cast<double>(memory.temporaryBytes));
    return made;
  });
}

Napi::Object initialise(Napi::Env env, Napi::Object exports) {
  exports.Set("Client", ClientObject::define(env));
  exports.Set("State", StateObject::define(env));
  exports.Set("Program", ProgramObject::define(env));
  exports.Set("Run", RunObject::define(env));
  exports.Set("compileAheadOfTime", Napi::Function::New(env, &compileAheadOfTime, "compileAheadOfTime"));
  return exports;
}

}  // namespace

NODE_API_MODULE(pjrt, initialise)
