#include "runtime/machine.hpp"

#if !defined(ONE_WITHOUT_ONEDNN)
#include <dnnl.hpp>
#endif

#include "kernels/convolution/winograd.hpp"

namespace one {
namespace {

// Channels in a block of activations, whatever the precision: our own convolutions take sixteen on every processor.
constexpr int kBlock = 16;

#if defined(ONE_WITHOUT_ONEDNN)

// What the addon was compiled for, by the names that oneDNN uses.
const char* instructionSetName() {
#if defined(__AVX512BF16__)
  return "avx512_core_bf16";
#elif defined(__AVX512F__)
  return "avx512_core";
#elif defined(__AVX2__)
  return "avx2";
#elif defined(__AVX__)
  return "avx";
#elif defined(__SSE4_1__)
  return "sse41";
#elif defined(__aarch64__)
  return "asimd";
#else
  return "other";
#endif
}

void describeOneDnn(Machine& machine) {
  machine.instructionSet = instructionSetName();
  machine.threading = "none";
}

#else

std::string instructionSetName() {
  switch (dnnl::get_effective_cpu_isa()) {
    case dnnl::cpu_isa::sse41: return "sse41";
    case dnnl::cpu_isa::avx: return "avx";
    case dnnl::cpu_isa::avx2: return "avx2";
    case dnnl::cpu_isa::avx2_vnni: return "avx2_vnni";
    case dnnl::cpu_isa::avx512_core: return "avx512_core";
    case dnnl::cpu_isa::avx512_core_vnni: return "avx512_core_vnni";
    case dnnl::cpu_isa::avx512_core_bf16: return "avx512_core_bf16";
    case dnnl::cpu_isa::avx512_core_fp16: return "avx512_core_fp16";
    case dnnl::cpu_isa::avx512_core_amx: return "avx512_core_amx";
    default: return "other";
  }
}

std::string threadingName(unsigned runtime) {
  switch (runtime) {
    case DNNL_RUNTIME_SEQ: return "seq";
    case DNNL_RUNTIME_OMP: return "omp";
    case DNNL_RUNTIME_TBB: return "tbb";
    default: return "other";
  }
}

void describeOneDnn(Machine& machine) {
  const dnnl_version_t* version = dnnl_version();
  machine.version =
      std::to_string(version->major) + "." + std::to_string(version->minor) + "." + std::to_string(version->patch);
  machine.instructionSet = instructionSetName();
  machine.threading = threadingName(version->cpu_runtime);
}

#endif

}  // namespace

Machine describeMachine() {
  Machine machine;
  describeOneDnn(machine);
  machine.winogradChannels = kWinogradChannels;
  machine.blockF32 = kBlock;
  machine.blockBf16 = kBlock;
  return machine;
}

}  // namespace one
