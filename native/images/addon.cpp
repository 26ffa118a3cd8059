// The border between Node and the image decoder: src/data/images/image-addon.ts is its other side. All state hangs on the
// objects that are handed out, one a thread.

// A thread that is being ended cannot have anything thrown into its JavaScript any more.
#define NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS
#include <napi.h>

#include <cstdio>
#include <string>
#include <vector>

#include <jpeglib.h>

#include "../common/arguments.hpp"
#include "jpeg_decoder.hpp"

namespace {

using border::argument;
using border::fail;

// The first argument, the fastest where it is left out.
images::Vectors vectorsOf(const Napi::CallbackInfo& info) {
  const std::vector<images::Vectors> here = images::vectorsHere();
  if (info[0].IsUndefined()) return here.front();
  const std::string wanted = info[0].ToString();
  for (const images::Vectors one : here) {
    if (images::nameOf(one) == wanted) return one;
  }
  fail(info.Env(), "Expected vectors that this build has but received " + wanted);
}

class DecoderObject : public Napi::ObjectWrap<DecoderObject> {
 public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(
        env, "JpegDecoder",
        {InstanceMethod("decode", &DecoderObject::decode), InstanceMethod("header", &DecoderObject::header)});
  }

  // (vectors?: string), the fastest by default
  explicit DecoderObject(const Napi::CallbackInfo& info)
      : Napi::ObjectWrap<DecoderObject>(info), decoder_(vectorsOf(info)) {}

 private:
  // (bytes: Uint8Array, plan: Int32Array, target: Uint8Array, offset: number) -> faults that were bridged
  Napi::Value decode(const Napi::CallbackInfo& info) {
    const auto bytes = argument<Napi::Uint8Array>(info, 0, napi_uint8_array, "bytes");
    const auto words = argument<Napi::Int32Array>(info, 1, napi_int32_array, "plan");
    auto target = argument<Napi::Uint8Array>(info, 2, napi_uint8_array, "target");
    const std::int64_t offset = info[3].ToNumber().Int64Value();
    if (words.ElementLength() != images::PLAN_WORDS) fail(info.Env(), "Expected a whole plan but received another");
    const images::CropPlan plan = images::readPlan(words.Data());
    if (plan.windowWidth < 1 || plan.windowHeight < 1 || plan.resizedWidth < 1 || plan.resizedHeight < 1) {
      fail(info.Env(), "Expected sizes from 1 in a plan but received less");
    }
    const std::size_t wanted = images::windowBytes(plan);
    if (offset < 0 || wanted > target.ByteLength() || static_cast<std::size_t>(offset) > target.ByteLength() - wanted) {
      fail(info.Env(), "Expected room for the whole window in the target but received less");
    }
    try {
      return Napi::Number::New(info.Env(), static_cast<double>(decoder_.decode(bytes.Data(), bytes.ByteLength(), plan,
                                                                               target.Data() + offset)));
    } catch (const std::exception& error) {
      fail(info.Env(), error.what());
    }
  }

  // (bytes: Uint8Array) -> [width, height, components, 1 where progressive]
  Napi::Value header(const Napi::CallbackInfo& info) {
    const auto bytes = argument<Napi::Uint8Array>(info, 0, napi_uint8_array, "bytes");
    try {
      const images::JpegHeader header = decoder_.readHeader(bytes.Data(), bytes.ByteLength());
      auto result = Napi::Int32Array::New(info.Env(), 4);
      result[0] = header.width;
      result[1] = header.height;
      result[2] = header.components;
      result[3] = header.progressive ? 1 : 0;
      return result;
    } catch (const std::exception& error) {
      fail(info.Env(), error.what());
    }
  }

  images::JpegDecoder decoder_;
};

Napi::Object initialise(Napi::Env env, Napi::Object exports) {
  exports.Set("JpegDecoder", DecoderObject::define(env));
  const int version = LIBJPEG_TURBO_VERSION_NUMBER;
  exports.Set("version", std::to_string(version / 1000000) + "." + std::to_string(version / 1000 % 1000) + "." +
                             std::to_string(version % 1000));
  const std::vector<images::Vectors> here = images::vectorsHere();
  auto vectors = Napi::Array::New(env, here.size());
  for (std::uint32_t place = 0; place < here.size(); place++) vectors[place] = images::nameOf(here[place]);
  exports.Set("vectors", vectors);
  return exports;
}

}  // namespace

NODE_API_MODULE(images, initialise)
