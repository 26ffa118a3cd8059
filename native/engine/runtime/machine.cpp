#include "runtime/machine.hpp"

#include <dnnl.hpp>

#include "kernels/convolution/winograd.hpp"

namespace one {
namespace {

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

// The layout that a 3x3 convolution of 64 channels chooses for its result. Throws where the precision is not supported.
int preferredBlock(dnnl::memory::data_type type) {
  using tag = dnnl::memory::format_tag;
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  const dnnl::memory::dims image{2, 64, 8, 8};
  const dnnl::memory::desc data(image, type, tag::any);
  const dnnl::convolution_forward::primitive_desc desc(engine, dnnl::prop_kind::forward_training,
                                                       dnnl::algorithm::convolution_direct, data,
                                                       {{64, 64, 3, 3}, type, tag::any}, data, {1, 1}, {1, 1}, {1, 1});
  if (desc.dst_desc() == dnnl::memory::desc(image, type, tag::nChw16c)) return 16;
  if (desc.dst_desc() == dnnl::memory::desc(image, type, tag::nChw8c)) return 8;
  return 0;
}

}  // namespace

Machine describeMachine() {
  Machine machine;
  const dnnl_version_t* version = dnnl_version();
  machine.version =
      std::to_string(version->major) + "." + std::to_string(version->minor) + "." + std::to_string(version->patch);
  machine.instructionSet = instructionSetName();
  machine.threading = threadingName(version->cpu_runtime);
  machine.winogradChannels = kWinogradChannels;
  // Our own convolutions take blocks of sixteen on every processor that they serve.
  machine.blockF32 = kWinogradChannels > 0 ? 16 : preferredBlock(dnnl::memory::data_type::f32);
  try {
    machine.blockBf16 = preferredBlock(dnnl::memory::data_type::bf16);
    machine.bf16 = true;
  } catch (const dnnl::error&) {
    machine.bf16 = false;
  }
  return machine;
}

}  // namespace one
