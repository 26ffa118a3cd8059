import { expected } from '../vocabulary/fault.ts'

/** What a run's `devices` setting asks for. */
export interface DeviceRequest {
  readonly kind: 'cpu'
  /** Replicas that share the machine's cores. */
  readonly replicas: number
}

/** @throws UserFault for devices that there are not */
export function parseDevices(text: string): DeviceRequest {
  const replicas = /^cpu(?::([1-9]\d{0,2}))?$/.exec(text)
  if (replicas !== null) return { kind: 'cpu', replicas: Number(replicas[1] ?? 1) }
  const remedy = /^(gpu|cuda|rocm|metal|tpu)\b/.test(text)
    ? 'This version trains on CPUs only: leave --devices out, or use --executor tfjs --tfjs-backend tensorflow.'
    : 'native-ensemble devices lists what works here.'
  throw expected('cpu, or cpu:<replicas> such as cpu:2', '--devices', text, remedy)
}
