/** One damaged copy of a file: a function of (seed, number), so that each finding can be made again. */
import { type RandomStream, randomStream } from '../../src/vocabulary/random.ts'

/** Numbers on which readers of lengths and offsets turn. */
const TELLING = [0, 1, 2, 7, 8, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff] as const
/** Where most headers lie. */
const HEAD_BYTES = 256
const MOST_CHUNK_BYTES = 512

const KINDS = {
  'flip a bit'(bytes, stream) {
    const copy = Buffer.from(bytes)
    const at = placeIn(bytes, stream)
    copy[at] = (copy[at] ?? 0) ^ (1 << stream.below(8))
    return copy
  },
  'set bytes'(bytes, stream) {
    const copy = Buffer.from(bytes)
    for (let change = 0; change <= stream.below(4); change++) {
      copy[placeIn(bytes, stream)] = (TELLING[stream.below(TELLING.length)] ?? 0) & 0xff
    }
    return copy
  },
  truncate: (bytes, stream) => Buffer.from(bytes.subarray(0, stream.below(bytes.length))),
  'remove a chunk'(bytes, stream) {
    const { from, to } = chunkIn(bytes, stream)
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)])
  },
  'double a chunk'(bytes, stream) {
    const { from, to } = chunkIn(bytes, stream)
    return Buffer.concat([bytes.subarray(0, to), bytes.subarray(from)])
  },
  'insert bytes'(bytes, stream) {
    const at = placeIn(bytes, stream)
    const chunk = Buffer.from(Uint8Array.from({ length: 1 + stream.below(64) }, () => stream.below(256)))
    return Buffer.concat([bytes.subarray(0, at), chunk, bytes.subarray(at)])
  },
  'copy a chunk over another'(bytes, stream) {
    const copy = Buffer.from(bytes)
    const { from, to } = chunkIn(bytes, stream)
    bytes.copy(copy, stream.below(Math.max(1, bytes.length - (to - from))), from, to)
    return copy
  },
  'change a length in binary'(bytes, stream) {
    const copy = Buffer.from(bytes)
    const width = [2, 4, 8][stream.below(3)] ?? 4
    if (copy.length < width) return copy
    const at = Math.min(placeIn(bytes, stream), copy.length - width)
    const value = lengthNear(copy, at, width, stream)
    const ordered = stream.below(2) === 0 ? value : value.reverse()
    ordered.copy(copy, at)
    return copy
  },
  'change digits'(bytes, stream) {
    const copy = Buffer.from(bytes)
    const digits = digitRuns(copy)
    const run = digits[stream.below(Math.max(1, digits.length))]
    if (run === undefined) return copy
    for (let at = run.from; at < run.to; at++) {
      if (stream.below(2) === 0) copy[at] = 0x30 + stream.below(10)
    }
    return copy
  },
} as const satisfies Readonly<Record<string, (bytes: Buffer, stream: RandomStream) => Buffer>>

export interface Mutation {
  /** Kinds of damage, in order. */
  readonly kinds: readonly string[]
  readonly bytes: Buffer
}

/** Differs from `bytes`; most have one kind of damage, every fourth has two. */
export function mutate(bytes: Buffer, seed: number, number: number): Mutation {
  const names = Object.keys(KINDS) as readonly (keyof typeof KINDS)[]
  for (let attempt = 0; ; attempt++) {
    const stream = randomStream(seed, 'order', attempt, number)
    const kinds = Array.from(
      { length: number % 4 === 3 ? 2 : 1 },
      () => names[stream.below(names.length)] ?? 'truncate',
    )
    const changed = kinds.reduce(
      (damaged, kind) => (damaged.length === 0 ? damaged : KINDS[kind](damaged, stream)),
      bytes,
    )
    if (!changed.equals(bytes)) return { kinds, bytes: changed }
  }
}

/** Half of the places near the begin, where headers are. */
function placeIn(bytes: Buffer, stream: RandomStream): number {
  return stream.below(stream.below(2) === 0 ? Math.min(HEAD_BYTES, bytes.length) : bytes.length)
}

function chunkIn(bytes: Buffer, stream: RandomStream): { readonly from: number; readonly to: number } {
  const from = placeIn(bytes, stream)
  return { from, to: Math.min(bytes.length, from + 1 + stream.below(MOST_CHUNK_BYTES)) }
}

/** A telling number, or the one that stands there plus or minus a little; little-endian. */
function lengthNear(bytes: Buffer, at: number, width: number, stream: RandomStream): Buffer {
  const value = Buffer.alloc(8)
  bytes.copy(value, 0, at, at + width)
  const near = value.readBigUInt64LE(0) + BigInt(stream.below(17) - 8)
  const telling = BigInt(TELLING[stream.below(TELLING.length)] ?? 0)
  value.writeBigUInt64LE(BigInt.asUintN(64, stream.below(2) === 0 ? near : telling))
  return value.subarray(0, width)
}

function digitRuns(bytes: Buffer): { readonly from: number; readonly to: number }[] {
  const text = bytes.toString('latin1')
  return [...text.matchAll(/\d+/g)].map((match) => ({ from: match.index, to: match.index + match[0].length }))
}
