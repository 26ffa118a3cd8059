// The border between Node and the native code: src/engine/executors/cpu/native-addon.ts is its other side. Nothing else
// here knows of JavaScript; all state hangs on the objects that are handed out.

// A step may fail in a thread that is being ended, where nothing can be thrown into JavaScript any more.
#define NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS
#include <napi.h>

#include <memory>
#include <string>

#include "common/arguments.hpp"
#include "kernels/batch_norm/batch_norm_backward_input.hpp"
#include "plan/instructions.hpp"
#include "plan/plan.hpp"
#include "runtime/machine.hpp"

namespace {

using border::argument;
using border::fail;

// Faults of other hosts carry a code, by which TypeScript tells them from ours.
Napi::Error errorOfHost(Napi::Env env, const std::string& message) {
  auto error = Napi::Error::New(env, message);
  error.Set("code", "ERR_HOST");
  return error;
}

[[noreturn]] void failOfHost(Napi::Env env, const one::HostFault& fault) { throw errorOfHost(env, fault.what()); }

// Connects the hosts in a thread of the pool: the main thread goes on to hear of those that fail. Owned by the queue.
class MeshConnection : public Napi::AsyncWorker {
 public:
  MeshConnection(Napi::Env env, std::shared_ptr<one::HostMesh> mesh, std::vector<net::HostAddress> addresses,
                 std::string key)
      : Napi::AsyncWorker(env),
        deferred_(Napi::Promise::Deferred::New(env)),
        mesh_(std::move(mesh)),
        addresses_(std::move(addresses)),
        key_(std::move(key)) {}

  Napi::Value promise() const { return deferred_.Promise(); }

 protected:
  void Execute() override {
    try {
      mesh_->connect(addresses_, key_);
    } catch (const one::HostFault& fault) {
      ofHost_ = true;
      SetError(fault.what());
    }
  }
  void OnOK() override { deferred_.Resolve(Env().Undefined()); }
  void OnError(const Napi::Error& error) override {
    deferred_.Reject(ofHost_ ? errorOfHost(Env(), error.Message()).Value() : error.Value());
  }

 private:
  Napi::Promise::Deferred deferred_;
  std::shared_ptr<one::HostMesh> mesh_;
  std::vector<net::HostAddress> addresses_;
  std::string key_;
  bool ofHost_ = false;
};

// The links to the other hosts, opened in the main thread; plans in other threads join them by their handle.
class HostMeshObject : public Napi::ObjectWrap<HostMeshObject> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(
        env, "HostMesh",
        {InstanceMethod("port", &HostMeshObject::port), InstanceMethod("handle", &HostMeshObject::handle),
         InstanceMethod("connect", &HostMeshObject::connect), InstanceMethod("giveUp", &HostMeshObject::giveUp)});
  }

  // (rank, hosts, patience in milliseconds, address to listen at)
  explicit HostMeshObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<HostMeshObject>(info) {
    try {
      mesh_ = std::make_shared<one::HostMesh>(info[0].ToNumber().Int32Value(), info[1].ToNumber().Int32Value(),
                                              std::chrono::milliseconds(info[2].ToNumber().Int64Value()),
                                              info[3].ToString().Utf8Value());
    } catch (const one::HostFault& fault) {
      failOfHost(info.Env(), fault);
    } catch (const std::exception& error) {
      fail(info.Env(), error.what());
    }
  }

  // The links that a handle stands for: their object must live in the main thread while this runs.
  static std::shared_ptr<one::HostMesh> ofHandle(const Napi::Value& handle) {
    bool lossless = false;
    const std::uint64_t address = handle.As<Napi::BigInt>().Uint64Value(&lossless);
    return reinterpret_cast<one::HostMesh*>(address)->shared_from_this();
  }

 private:
  Napi::Value port(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), mesh_->port()); }

  Napi::Value handle(const Napi::CallbackInfo& info) {
    return Napi::BigInt::New(info.Env(), static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(mesh_.get())));
  }

  // (addresses: {host, port}[] by rank, key: Uint8Array) resolves when all are connected.
  Napi::Value connect(const Napi::CallbackInfo& info) {
    const auto list = info[0].As<Napi::Array>();
    const auto key = argument<Napi::Uint8Array>(info, 1, napi_uint8_array, "key");
    std::vector<net::HostAddress> addresses;
    for (std::uint32_t place = 0; place < list.Length(); place++) {
      const auto entry = list.Get(place).As<Napi::Object>();
      addresses.push_back({entry.Get("host").ToString().Utf8Value(), entry.Get("port").ToNumber().Int32Value()});
    }
    auto* work = new MeshConnection(info.Env(), mesh_, std::move(addresses),
                                    std::string(reinterpret_cast<const char*>(key.Data()), key.ByteLength()));
    work->Queue();
    return work->promise();
  }

  void giveUp(const Napi::CallbackInfo&) { mesh_->giveUp(); }

  std::shared_ptr<one::HostMesh> mesh_;
};

class PlanObject : public Napi::ObjectWrap<PlanObject> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "Plan",
                       {InstanceMethod("run", &PlanObject::run), InstanceMethod("dispose", &PlanObject::dispose),
                        InstanceMethod("bytes", &PlanObject::bytes), InstanceMethod("profile", &PlanObject::profile),
                        InstanceMethod("times", &PlanObject::times)});
  }

  // (words: Int32Array, state: Float32Array, exchange: Uint8Array, replica, replicas, cores: Int32Array,
  //  mesh: handle of a HostMesh, or null)
  explicit PlanObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<PlanObject>(info) {
    const auto words = argument<Napi::Int32Array>(info, 0, napi_int32_array, "words");
    auto state = argument<Napi::Float32Array>(info, 1, napi_float32_array, "state");
    auto exchange = argument<Napi::Uint8Array>(info, 2, napi_uint8_array, "exchange");
    const auto cores = argument<Napi::Int32Array>(info, 5, napi_int32_array, "cores");
    if (cores.ElementLength() == 0) fail(info.Env(), "Expected at least one core for a replica but received none");
    one::Place place;
    place.replica = info[3].ToNumber().Int32Value();
    place.replicas = info[4].ToNumber().Int32Value();
    place.cores.assign(cores.Data(), cores.Data() + cores.ElementLength());
    if (info[6].IsBigInt()) place.mesh = HostMeshObject::ofHandle(info[6]);
    one::SharedMemory memory;
    memory.state = state.Data();
    memory.exchange = reinterpret_cast<char*>(exchange.Data());
    memory.exchangeBytes = exchange.ByteLength();
    try {
      plan_ = std::make_unique<one::Plan>(words.Data(), words.ElementLength(), memory, std::move(place));
    } catch (const std::exception& error) {
      fail(info.Env(), error.what());
    }
    // The plan points into both for as long as it lives.
    state_ = Napi::Persistent(state.As<Napi::Value>());
    exchange_ = Napi::Persistent(exchange.As<Napi::Value>());
  }

 private:
  one::Plan& plan(Napi::Env env) const {
    if (plan_ == nullptr) fail(env, "Expected a compiled plan but received one that was disposed of");
    return *plan_;
  }

  // (images: Uint8Array, labels: Int32Array, scalars: Float32Array, outputs: Float32Array)
  void run(const Napi::CallbackInfo& info) {
    one::Plan& plan = this->plan(info.Env());
    const auto images = argument<Napi::Uint8Array>(info, 0, napi_uint8_array, "images");
    const auto labels = argument<Napi::Int32Array>(info, 1, napi_int32_array, "labels");
    const auto scalars = argument<Napi::Float32Array>(info, 2, napi_float32_array, "scalars");
    auto outputs = argument<Napi::Float32Array>(info, 3, napi_float32_array, "outputs");
    if (images.ByteLength() < plan.imageBytes() || labels.ElementLength() < plan.labelCount() ||
        scalars.ElementLength() < plan.scalarInputs() || outputs.ElementLength() < plan.outputElements()) {
      fail(info.Env(), "Expected arrays of the plan's sizes for a run but received shorter ones");
    }
    one::RunArguments arguments;
    arguments.images = images.Data();
    arguments.labels = labels.Data();
    arguments.scalars = scalars.Data();
    arguments.outputs = outputs.Data();
    try {
      plan.run(arguments);
    } catch (const one::HostFault& fault) {
      failOfHost(info.Env(), fault);
    } catch (const std::exception& error) {
      fail(info.Env(), error.what());
    }
  }

  void dispose(const Napi::CallbackInfo&) {
    plan_.reset();
    state_.Reset();
    exchange_.Reset();
  }

  Napi::Value bytes(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(plan(info.Env()).bytes()));
  }

  void profile(const Napi::CallbackInfo& info) { plan(info.Env()).profile(info[0].ToBoolean()); }

  Napi::Value times(const Napi::CallbackInfo& info) {
    const auto& times = plan(info.Env()).times();
    auto result = Napi::Float64Array::New(info.Env(), times.size());
    for (std::size_t place = 0; place < times.size(); place++) result[place] = times[place];
    return result;
  }

  std::unique_ptr<one::Plan> plan_;
  Napi::Reference<Napi::Value> state_;
  Napi::Reference<Napi::Value> exchange_;
};

Napi::Value machine(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  try {
    const one::Machine machine = one::describeMachine();
    auto result = Napi::Object::New(env);
    result.Set("version", machine.version);
    result.Set("instructionSet", machine.instructionSet);
    result.Set("threading", machine.threading);
    result.Set("blockF32", machine.blockF32);
    result.Set("blockBf16", machine.blockBf16);
    result.Set("winogradChannels", machine.winogradChannels);
    return result;
  } catch (const std::exception& error) {
    fail(env, error.what());
  }
}

template <class Value>
Napi::Array namesOf(Napi::Env env, const one::NamedTable<Value>& table) {
  auto names = Napi::Array::New(env, table.size());
  for (std::size_t place = 0; place < table.size(); place++) {
    names[static_cast<std::uint32_t>(place)] = Napi::String::New(env, table[place].name);
  }
  return names;
}

// What a plan may name, each table in the order of its numbers.
Napi::Object planNames(Napi::Env env) {
  auto names = Napi::Object::New(env);
  names.Set("instructions", namesOf(env, one::instructions()));
  names.Set("rectifiers", namesOf(env, one::rectifierNames()));
  names.Set("maskSources", namesOf(env, one::maskSourceNames()));
  names.Set("exportKinds", namesOf(env, one::Plan::exportKindNames()));
  names.Set("updateOps", namesOf(env, one::OptimizerUpdate::opNames()));
  return names;
}

Napi::Object initialise(Napi::Env env, Napi::Object exports) {
  exports.Set("HostMesh", HostMeshObject::define(env));
  exports.Set("Plan", PlanObject::define(env));
  exports.Set("planVersion", one::kPlanVersion);
  exports.Set("planNames", planNames(env));
  exports.Set("machine", Napi::Function::New(env, machine, "machine"));
  return exports;
}

}  // namespace

NODE_API_MODULE(one, initialise)
