// What the borders between Node and each addon share: faults, and arguments that are typed arrays.
#pragma once
#include <napi.h>

#include <cstddef>
#include <string>

namespace border {

[[noreturn]] inline void fail(Napi::Env env, const std::string& message) { throw Napi::Error::New(env, message); }

// The argument at `place`. Throws into JavaScript where it is anything but an array of that type.
template <class Array>
Array argument(const Napi::CallbackInfo& info, std::size_t place, napi_typedarray_type type, const char* name) {
  if (!info[place].IsTypedArray() || info[place].As<Napi::TypedArray>().TypedArrayType() != type) {
    fail(info.Env(), std::string("Expected a typed array of the right type for ") + name);
  }
  return info[place].As<Array>();
}

}  // namespace border
