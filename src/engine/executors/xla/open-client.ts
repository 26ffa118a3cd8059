import { UserFault } from '../../../vocabulary/fault.ts'
import { findPlugin, readPluginTable, type XlaPlatform } from './find-plugin.ts'
import { type ClientFacts, type ClientOption, loadPjrtAddon, type PjrtClient, type StoreAddress } from './pjrt-addon.ts'
import { readyForCuda } from './ready-for-cuda.ts'

/** Which devices a run uses. Plain data that can be sent to a replica. */
export interface XlaDevices {
  readonly platform: XlaPlatform
  /** How many of the CPU plugin, or the numbers of GPUs; null = all GPUs. */
  readonly devices: number | readonly number[] | null
  /** Library of the plugin, null = found. */
  readonly plugin: string | null
  /** Of GPUs (default: as needed, up to nine tenths). */
  readonly memory?: GpuMemory
  /** Where several hosts share each step (default: one alone). */
  readonly hosts?: XlaHosts | null
}

/** How much of each GPU's memory a client takes. */
export interface GpuMemory {
  /** The most of it. What cuDNN, cuBLAS and the CUDA context take comes on top. */
  readonly fraction: number
  /**
   * Whether it is taken when the client is opened. XLA's own default is three quarters at once: a second process, or a
   * second client, then finds no memory.
   */
  readonly preallocate: boolean
}

const MEMORY: GpuMemory = { fraction: 0.9, preallocate: false }

/** This process among those of a run, each with a client of its own. */
export interface XlaHosts {
  readonly hosts: number
  readonly rank: number
  readonly store: StoreAddress
}

export interface OpenClient {
  readonly client: PjrtClient
  readonly facts: ClientFacts
  /** What is to be said of the plugin's version, null = nothing. */
  readonly warning: string | null
}

/**
 * Opens a client of the plugin; on GPUs that takes their memory. One a run: replicas join it by its handle.
 * @throws UserFault where there is no plugin, it is of a version that cannot be served, or has no such devices
 */
export function openClient(wanted: XlaDevices): OpenClient {
  const addon = loadPjrtAddon()
  // XLA's own log: errors only. Reaches the library where this is the main thread.
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2'
  const plugin = findPlugin(wanted.platform, wanted.plugin)
  const { path, origin } = plugin
  if (wanted.platform === 'gpu') readyForCuda(plugin)
  const { abi } = readPluginTable()
  let client: PjrtClient
  try {
    client = new addon.Client(path, abi.oldest, clientOptions(wanted), wanted.hosts?.store ?? null)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const message = `Expected the PJRT plugin ${path} (${origin}) to work but received: ${reason}.`
    throw new UserFault(message, remedyFor(reason), { cause })
  }
  const facts = client.facts()
  const warning =
    facts.minor > abi.newest
      ? `The plugin's PJRT API 0.${facts.minor} is newer than 0.${abi.newest}, the newest that was tried.`
      : null
  return { client, facts, warning }
}

function remedyFor(reason: string): string {
  if (/OUT_OF_MEMORY|RESOURCE_EXHAUSTED|out of memory|Could not create cudnn handle/i.test(reason)) {
    return (
      'Another process holds the memory of this GPU (nvidia-smi shows which): end it, take another GPU (--devices gpu:1), ' +
      'or share it: a smaller --gpu-memory-fraction in both, and --gpu-preallocate off.'
    )
  }
  return 'native-ensemble devices says what works here; without a GPU train with --devices cpu.'
}

function clientOptions({ platform, devices, hosts, memory = MEMORY }: XlaDevices): ClientOption[] {
  if (platform === 'cpu') {
    return [{ name: 'cpu_device_count', type: 'int64', value: typeof devices === 'number' ? devices : 1 }]
  }
  const chosen: ClientOption[] = [
    { name: 'memory_fraction', type: 'float', value: memory.fraction },
    { name: 'preallocate', type: 'bool', value: memory.preallocate },
  ]
  if (devices !== null && typeof devices !== 'number') {
    chosen.push({ name: 'visible_devices', type: 'int64List', value: devices })
  }
  if (hosts === undefined || hosts === null) return chosen
  return [
    ...chosen,
    { name: 'node_id', type: 'int64', value: hosts.rank },
    { name: 'num_nodes', type: 'int64', value: hosts.hosts },
  ]
}
