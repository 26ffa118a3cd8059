import type { Program, ProgramNode, ValueId } from './program.ts'

/** What an executor tells the planner about its own storage. */
export interface StorageRules {
  /** Bytes of a value in the arena; 0 = it lives elsewhere (state, scalars, inputs). */
  bytesOf(value: ValueId): number
  /** Inputs of the node over which its output `output` may be written, best first. */
  sharesWith(node: ProgramNode, output: number): readonly ValueId[]
  /** The value in whose memory another one is made, although it may still be read; undefined for memory of its own. */
  within(value: ValueId): ValueId | undefined
  /** Inputs that the node's kernel really looks at. */
  reads(node: ProgramNode): readonly ValueId[]
  /** Bytes that each buffer's offset is a multiple of. */
  readonly alignment: number
}

/** One buffer of the arena and when it is in use. */
export interface PlannedBuffer {
  readonly offset: number
  readonly bytes: number
  /** Index of the node that first writes it and of the one that last reads it. */
  readonly from: number
  readonly to: number
  /** Values that lie in it, one after the other in time. */
  readonly values: readonly ValueId[]
}

export interface MemoryPlan {
  readonly bytes: number
  readonly buffers: readonly PlannedBuffer[]
  /** Offset of each value that lives in the arena. */
  readonly offsets: ReadonlyMap<ValueId, number>
  /** What the same values would need without reuse. */
  readonly bytesWithoutReuse: number
}

interface OpenBuffer {
  bytes: number
  from: number
  to: number
  values: ValueId[]
}

/**
 * Places every value of the program in one arena. Values are written in place over an input that dies where the executor
 * allows it; then buffers are placed largest first at the lowest offset that is free during their whole life (greedy by
 * size; Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020).
 */
export function planMemory(program: Program, rules: StorageRules): MemoryPlan {
  const buffers = shareBuffers(program, rules)
  /** By offset. */
  const placed: PlannedBuffer[] = []
  for (const buffer of [...buffers].sort((a, b) => b.bytes - a.bytes || a.from - b.from)) {
    const offset = lowestFreeOffset(buffer, placed)
    const behind = placed.findLastIndex((other) => other.offset <= offset) + 1
    placed.splice(behind, 0, { ...buffer, offset })
  }
  const offsets = new Map(placed.flatMap(({ values, offset }) => values.map((id): [ValueId, number] => [id, offset])))
  const bytes = placed.reduce((most, { offset, bytes: size }) => Math.max(most, offset + size), 0)
  const values = program.nodes.flatMap((node) => node.outputs)
  const bytesWithoutReuse = values.reduce((sum, id) => sum + rules.bytesOf(id), 0)
  return { bytes, buffers: placed.sort((a, b) => a.from - b.from), offsets, bytesWithoutReuse }
}

/** Index of the last node that reads each value; outputs and updates live to the end. */
export function lastReads(program: Program, reads: StorageRules['reads']): Map<ValueId, number> {
  const last = new Map<ValueId, number>()
  program.nodes.forEach((node, index) => {
    for (const id of node.outputs) last.set(id, index)
    for (const id of reads(node)) last.set(id, index)
  })
  for (const { value } of [...program.outputs, ...program.updates]) last.set(value, program.nodes.length)
  return last
}

function shareBuffers(program: Program, rules: StorageRules): OpenBuffer[] {
  const last = lastReads(program, rules.reads)
  const home = new Map<ValueId, OpenBuffer>()
  const buffers: OpenBuffer[] = []
  program.nodes.forEach((node, index) => {
    const taken = new Set<OpenBuffer>()
    node.outputs.forEach((id, place) => {
      const bytes = Math.ceil(rules.bytesOf(id) / rules.alignment) * rules.alignment
      if (bytes === 0) return
      const to = last.get(id) ?? index
      const dying = rules.sharesWith(node, place).find((input) => {
        const buffer = home.get(input)
        return (
          buffer !== undefined &&
          last.get(input) === index &&
          buffer.to === index &&
          !taken.has(buffer) &&
          buffer.bytes >= bytes
        )
      })
      const host = rules.within(id) ?? dying
      const shared = host === undefined ? undefined : home.get(host)
      const buffer = shared ?? { bytes, from: index, to, values: [] }
      if (shared === undefined) buffers.push(buffer)
      buffer.to = Math.max(buffer.to, to)
      buffer.values.push(id)
      taken.add(buffer)
      home.set(id, buffer)
    })
  })
  return buffers
}

/** @param placed by offset */
function lowestFreeOffset(buffer: OpenBuffer, placed: readonly PlannedBuffer[]): number {
  let offset = 0
  for (const other of placed) {
    if (other.from > buffer.to || buffer.from > other.to) continue
    if (other.offset - offset >= buffer.bytes) break
    offset = Math.max(offset, other.offset + other.bytes)
  }
  return offset
}
