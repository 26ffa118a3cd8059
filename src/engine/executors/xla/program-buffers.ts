import type { DeviceCopy } from './device-copy.ts'
import type { LoweredProgram } from './lower-program.ts'

/** Numbers of the device's buffers that a program reads and writes. */
export interface ProgramBuffers {
  readonly reads: readonly number[]
  readonly writes: readonly number[]
  /** Names of the tensors whose bf16 copies it reads, by buffer. */
  readonly roundedReads: ReadonlyMap<number, string>
  readonly roundedWrites: readonly number[]
  /** bf16 copies that are of older weights after it, but for those it writes. */
  readonly outdated: ReadonlySet<number>
}

/** @throws Error where the device's state has no such region or tensor */
export function buffersOf(lowered: LoweredProgram, copy: DeviceCopy): ProgramBuffers {
  const { reads, writes, roundedReads, roundedWrites } = lowered
  return {
    reads: reads.map((name) => copy.regionBuffer(name)),
    writes: writes.map((name) => copy.regionBuffer(name)),
    roundedReads: new Map(roundedReads.map((name) => [copy.roundedBuffer(name), name])),
    roundedWrites: roundedWrites.map((name) => copy.roundedBuffer(name)),
    outdated: new Set(writes.flatMap((name) => copy.roundedBuffersOf(name))),
  }
}
