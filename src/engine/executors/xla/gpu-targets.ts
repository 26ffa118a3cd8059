/**
 * GPUs that programs can be compiled for on a machine without one: XLA chooses kernels, launches and fusions by these facts.
 * They are NVIDIA's (data sheets, white papers of the architectures, CUDA's table of compute capabilities).
 */
import { expected } from '../../../vocabulary/fault.ts'

export interface GpuTarget {
  readonly name: string
  readonly computeCapability: { readonly major: number; readonly minor: number; readonly accelerated: boolean }
  /** Streaming multiprocessors. */
  readonly cores: number
  readonly clockGhz: number
  /** f32 units of a core. */
  readonly unitsPerCore: number
  readonly threadsPerCore: number
  readonly sharedKiBPerCore: number
  readonly l2MiB: number
  readonly memoryGiB: number
  /** Bytes a second. */
  readonly bandwidth: number
}

/** Two architectures' cores: Hopper's and those of Ada Lovelace. */
const HOPPER = {
  computeCapability: { major: 9, minor: 0, accelerated: true },
  cores: 132,
  clockGhz: 1.98,
  unitsPerCore: 128,
  threadsPerCore: 2048,
  sharedKiBPerCore: 228,
  l2MiB: 50,
} as const
const ADA = {
  computeCapability: { major: 8, minor: 9, accelerated: false },
  unitsPerCore: 128,
  threadsPerCore: 1536,
  sharedKiBPerCore: 100,
} as const

export const GPU_TARGETS: Readonly<Record<string, GpuTarget>> = {
  'a100-sxm-80': {
    name: 'NVIDIA A100-SXM4-80GB',
    computeCapability: { major: 8, minor: 0, accelerated: false },
    cores: 108,
    clockGhz: 1.41,
    unitsPerCore: 64,
    threadsPerCore: 2048,
    sharedKiBPerCore: 164,
    l2MiB: 40,
    memoryGiB: 80,
    bandwidth: 2.039e12,
  },
  'h100-sxm': { name: 'NVIDIA H100 80GB HBM3', ...HOPPER, memoryGiB: 80, bandwidth: 3.35e12 },
  h200: { name: 'NVIDIA H200', ...HOPPER, memoryGiB: 141, bandwidth: 4.8e12 },
  l4: { name: 'NVIDIA L4', ...ADA, cores: 58, clockGhz: 2.04, l2MiB: 48, memoryGiB: 24, bandwidth: 3e11 },
  'rtx-4090': {
    name: 'NVIDIA GeForce RTX 4090',
    ...ADA,
    cores: 128,
    clockGhz: 2.52,
    l2MiB: 72,
    memoryGiB: 24,
    bandwidth: 1.008e12,
  },
}

/** @throws UserFault for a name that is not in the table */
export function findGpuTarget(name: string): GpuTarget {
  const target = Object.hasOwn(GPU_TARGETS, name) ? GPU_TARGETS[name] : undefined
  if (target !== undefined) return target
  throw expected(`one of ${Object.keys(GPU_TARGETS).join(', ')}`, '--gpu', name, 'Take the one that is nearest.')
}

/** Software on the machine that the program is for, as `major.minor.patch`. */
export interface GpuSoftware {
  readonly cuda: string
  readonly cudnn: string
}

/** The target as stream_executor.GpuTargetConfigProto in protobuf's text format. */
export function gpuTargetText(target: GpuTarget, { cuda, cudnn }: GpuSoftware): string {
  const { major, minor, accelerated } = target.computeCapability
  const [first = '0', second = '0', third = '0'] = cudnn.split('.')
  const sharedPerCore = target.sharedKiBPerCore * 1024
  const lines = {
    threads_per_block_limit: 1024,
    threads_per_warp: 32,
    shared_memory_per_block: 48 * 1024,
    shared_memory_per_core: sharedPerCore,
    // A block can have all of a core's but the KiB that CUDA keeps.
    shared_memory_per_block_optin: sharedPerCore - 1024,
    threads_per_core_limit: target.threadsPerCore,
    core_count: target.cores,
    fpus_per_core: target.unitsPerCore,
    block_dim_limit_x: 2 ** 31 - 1,
    block_dim_limit_y: 65535,
    block_dim_limit_z: 65535,
    thread_dim_limit_x: 1024,
    thread_dim_limit_y: 1024,
    thread_dim_limit_z: 64,
    registers_per_core_limit: 65536,
    registers_per_block_limit: 65536,
    memory_bandwidth: target.bandwidth,
    l2_cache_size: target.l2MiB * 2 ** 20,
    clock_rate_ghz: target.clockGhz,
    device_memory_size: target.memoryGiB * 2 ** 30,
    device_address_bits: 64,
    device_vendor: 'NVIDIA Corporation',
    name: target.name,
    platform_version: `Compute Capability ${major}.${minor}${accelerated ? 'a' : ''}`,
    driver_version: cuda,
    runtime_version: cuda,
    compile_time_toolkit_version: cuda,
    dnn_version: cudnn,
  }
  const extension = accelerated ? 'ACCELERATED_FEATURES' : 'NONE'
  return [
    'gpu_device_info {',
    ...Object.entries(lines).map(([field, value]) => `  ${field}: ${JSON.stringify(value)}`),
    `  cuda_compute_capability { major: ${major} minor: ${minor} feature_extension: ${extension} }`,
    '}',
    'platform_name: "CUDA"',
    `dnn_version_info { major: ${first} minor: ${second} patch: ${third} }`,
    `device_description_str: ${JSON.stringify(target.name)}`,
    '',
  ].join('\n')
}
