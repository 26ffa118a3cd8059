/** How far the kernels of a graph that may run side by side have to wait for each other, from the memory that they share. */
import { entryOf, readComputations, readInstruction, readOperands, tupleIndex } from './hlo-text.ts'
import { isExchange, NO_KERNEL } from './optimised-hlo.ts'

/** A part of the device's memory: of an allocation, from a byte on. */
interface Slice {
  readonly allocation: number
  readonly offset: number
  readonly bytes: number
}

/** The parts of a value by their place in it: '' = the whole, '1,0' = the first of its second element. */
type Parts = ReadonlyMap<string, Slice>

/**
 * The most kernels of which each has to wait for the one before: for what it made, or until it has read what is overwritten.
 * Sums over replicas lie in no graph: all that comes later waits for what came before them.
 * @param text as `readKernels` takes it
 * @param buffers where XLA put each value of it
 * @throws Error where it has no entry computation or an operand that nothing made
 */
export function longestChain(text: string, buffers: string): number {
  const computations = readComputations(text)
  const placed = readBuffers(buffers)
  const values = new Map<string, Parts>()
  const kernels: { readonly reads: readonly Slice[]; readonly writes: readonly Slice[]; readonly chain: number }[] = []
  let [longest, waited] = [0, 0]
  for (const instruction of entryOf(computations).flatMap((line) => readInstruction(line) ?? [])) {
    const { name, op } = instruction
    const read = readOperands(instruction, values, elementOf)
    const [first = new Map<string, Slice>()] = read
    if (op === 'get-tuple-element') values.set(name, elementOf(first, tupleIndex(instruction)))
    else if (op === 'bitcast') values.set(name, first)
    else if (op === 'tuple') values.set(name, tupleOf(read))
    else values.set(name, placed.get(name) ?? new Map())
    if (op.endsWith('-done') || isExchange(instruction, computations)) waited = longest
    if (NO_KERNEL.test(op)) continue
    const [reads, writes] = [read.flatMap((parts) => [...parts.values()]), [...(values.get(name)?.values() ?? [])]]
    const before = kernels.filter(
      (other) => overlap(other.writes, reads) || overlap(other.writes, writes) || overlap(other.reads, writes),
    )
    const chain = 1 + before.reduce((most, other) => Math.max(most, other.chain), waited)
    kernels.push({ reads, writes, chain })
    longest = Math.max(longest, chain)
  }
  return longest
}

/** Values by name from XLA's list of allocations: ` value: <7 fusion.3{1,0} @0> (size=16384,offset=1432576): f32[64,64]`. */
function readBuffers(text: string): Map<string, Parts> {
  const values = new Map<string, Map<string, Slice>>()
  let allocation = -1
  for (const line of text.split('\n')) {
    allocation = Number(/^allocation (\d+):/.exec(line)?.[1] ?? allocation)
    const value = /^ value: <\d+ ([^ {]+)(?:\{([\d,]*)\})? @\d+> \(size=(\d+),offset=(\d+)\): (\S)/.exec(line)
    const [, name = '', place = '', bytes, offset, type] = value ?? []
    // A tuple's own bytes are the addresses of its elements, which graphs hold themselves.
    if (value === null || type === '(') continue
    const parts = values.get(name) ?? new Map<string, Slice>()
    values.set(name, parts.set(place, { allocation, offset: Number(offset), bytes: Number(bytes) }))
  }
  return values
}

function elementOf(parts: Parts, element: number): Parts {
  const inside = [...parts].filter(([place]) => place === `${element}` || place.startsWith(`${element},`))
  return new Map(inside.map(([place, slice]) => [place.slice(`${element},`.length), slice]))
}

function tupleOf(elements: readonly Parts[]): Parts {
  return new Map(
    elements.flatMap((parts, element) =>
      [...parts].map(([place, slice]): [string, Slice] => [place === '' ? `${element}` : `${element},${place}`, slice]),
    ),
  )
}

function overlap(some: readonly Slice[], others: readonly Slice[]): boolean {
  return some.some((one) =>
    others.some(
      (other) =>
        one.allocation === other.allocation &&
        one.offset < other.offset + other.bytes &&
        other.offset < one.offset + one.bytes,
    ),
  )
}
