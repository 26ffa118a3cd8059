// What a plan is made of: instructions that each thread of the team runs on its own slice of the batch.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/elementwise/activation.hpp"
#include "runtime/barrier.hpp"

namespace one {

// What one run of a plan reads and writes; the pointers are the caller's.
struct RunArguments {
  const std::uint8_t* images = nullptr;
  const std::int32_t* labels = nullptr;
  const float* scalars = nullptr;
  float* outputs = nullptr;
};

// One thread of the team. Activations lie in its own arena, so threads meet only at barriers.
struct Worker {
  int thread = 0;
  int firstSample = 0;
  int samples = 0;
  char* arena = nullptr;
  float* scalars = nullptr;
  // The replica's share of the gradient, laid out like the weights; of all threads (shared_gradient.hpp).
  float* gradients = nullptr;
  // Memory that an instruction may use while it runs and nothing keeps (PlanBuilder::reserveScratch).
  char* scratch = nullptr;
  Barrier* team = nullptr;

  template <class T>
  T* at(const Activation& tensor) const {
    return reinterpret_cast<T*>(arena + tensor.offset);
  }
  float* scratchFloats() const { return reinterpret_cast<float*>(scratch); }
};

class Instruction {
 public:
  Instruction() = default;
  Instruction(const Instruction&) = delete;
  Instruction& operator=(const Instruction&) = delete;
  virtual ~Instruction() = default;
  virtual void run(Worker& worker, const RunArguments& arguments) = 0;
};
using InstructionPtr = std::unique_ptr<Instruction>;

// A vector [C] that lies in the state (the same for all threads) or in each thread's arena.
struct VectorRef {
  const float* state = nullptr;
  std::size_t arenaOffset = 0;
  const float* get(const Worker& worker) const {
    return state != nullptr ? state : reinterpret_cast<const float*>(worker.arena + arenaOffset);
  }
  // Without the first `channels`.
  VectorRef from(int channels) const {
    const auto skipped = static_cast<std::size_t>(channels);
    if (state != nullptr) return {state + skipped, 0};
    return {nullptr, arenaOffset + skipped * sizeof(float)};
  }
};

}  // namespace one
