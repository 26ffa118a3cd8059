import { readdirSync } from 'node:fs'
import { expected, UserFault } from '../vocabulary/fault.ts'
import { text, type Values } from './values.ts'

/** What a run's `devices` setting asks for. */
export type DeviceRequest =
  /** Replicas that share the machine's cores. */
  | { readonly kind: 'cpu'; readonly replicas: number }
  /** Devices that XLA makes of the machine's cores. */
  | { readonly kind: 'xla-cpu'; readonly replicas: number }
  /** A replica on each of these GPUs. */
  | { readonly kind: 'gpu'; readonly replicas: number; readonly gpus: readonly number[] }

/** What `--devices` may be, for its fault. */
const DEVICES_EXPECTED = 'cpu, cpu:<replicas>, gpu, gpu:<numbers>, gpu:all or xla-cpu:<replicas>'

export const DEVICES: Values<string> = {
  ...text(DEVICES_EXPECTED, (devices) => devicesFault(devices) === null),
  fault: (received) => (typeof received === 'string' ? devicesFault(received) : null),
}

function devicesFault(text: string): UserFault | null {
  try {
    parseDevices(text)
    return null
  } catch (error) {
    if (error instanceof UserFault) return error
    throw error
  }
}

/** @throws UserFault for devices that there are not */
export function parseDevices(text: string): DeviceRequest {
  const shared = /^(cpu|xla-cpu)(?::([1-9]\d{0,2}))?$/.exec(text)
  if (shared !== null) return { kind: shared[1] === 'cpu' ? 'cpu' : 'xla-cpu', replicas: Number(shared[2] ?? 1) }
  const numbers = /^gpu(?::(\d{1,3}(?:,\d{1,3})*))?$/.exec(text)
  if (numbers !== null) {
    const gpus = (numbers[1] ?? '0').split(',').map(Number)
    if (new Set(gpus).size === gpus.length) return { kind: 'gpu', replicas: gpus.length, gpus }
  }
  const remedy = /^(cuda|rocm)\b/.test(text) ? 'Use gpu.' : 'native-ensemble devices lists what works here.'
  throw expected(DEVICES_EXPECTED, '--devices', text, remedy)
}

/**
 * `gpu:all` by the numbers of the GPUs that are here, so that a run's configuration says what it ran on; anything else as
 * it is.
 * @throws UserFault where no GPU is to be seen
 */
export function nameDevices(text: string): string {
  if (text !== 'gpu:all') return text
  const count = visibleGpus()
  if (count === 0) {
    throw expected(
      'a GPU',
      '--devices gpu:all',
      'a machine without one',
      'native-ensemble devices lists what works here.',
    )
  }
  return `gpu:${Array.from({ length: count }, (_, gpu) => gpu).join(',')}`
}

/** GPUs that the driver shows, or fewer where CUDA_VISIBLE_DEVICES names some of them. */
function visibleGpus(): number {
  const chosen = process.env['CUDA_VISIBLE_DEVICES']
  if (chosen !== undefined) return chosen.split(',').filter((name) => name.trim() !== '' && name !== '-1').length
  try {
    return readdirSync('/dev').filter((name) => /^nvidia\d+$/.test(name)).length
  } catch {
    return 0
  }
}
