/** xla.CompileOptionsProto (openxla, xla/pjrt/proto/compile_options.proto) written by hand: the few fields that we need. */

export interface CompileOptions {
  readonly replicas: number
  /** Device of each replica by its global number; null = the client's own order. */
  readonly deviceIds: readonly number[] | null
  /** Flags of XLA, e.g. `xla_gpu_exclude_nondeterministic_ops`. */
  readonly flags: Readonly<Record<string, boolean | string>>
}

/** @returns the message's bytes; options without a number of replicas would end the process inside the plugin */
export function encodeCompileOptions({ replicas, deviceIds, flags }: CompileOptions): Uint8Array {
  const build = [
    ...numberField(4, replicas),
    ...numberField(5, 1), // partitions
    ...(deviceIds === null ? [] : bytesField(9, deviceAssignment(deviceIds))),
  ]
  const overrides = Object.entries(flags).flatMap(([name, value]) => {
    const given = typeof value === 'string' ? bytesField(1, [...Buffer.from(value)]) : numberField(2, value ? 1 : 0)
    return bytesField(7, [...bytesField(1, [...Buffer.from(name)]), ...bytesField(2, given)])
  })
  return Uint8Array.from([...bytesField(3, build), ...overrides])
}

/** DeviceAssignmentProto: one computation, a device a replica. */
function deviceAssignment(ids: readonly number[]): number[] {
  const computation = bytesField(1, ids.flatMap(varint))
  return [...numberField(1, ids.length), ...numberField(2, 1), ...bytesField(3, computation)]
}

function varint(value: number): number[] {
  const bytes: number[] = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest]
    bytes.push((rest % 128) + 128)
  }
}

const numberField = (field: number, value: number) => [...varint(field * 8), ...varint(value)]
const bytesField = (field: number, bytes: readonly number[]) => [
  ...varint(field * 8 + 2),
  ...varint(bytes.length),
  ...bytes,
]
