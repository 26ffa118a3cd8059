/** What figures of speed were measured on. */
import { readFileSync } from 'node:fs'
import { loadavg } from 'node:os'
import { describeMachine, type MachineReport } from '../src/train/run/machine.ts'

export interface MachineFacts extends Omit<MachineReport, 'images'> {
  /** Vector instructions that decide a convolution's speed. */
  readonly instructions: readonly string[]
}

const TELLING_FLAGS =
  /^(avx2|fma|avx512f|avx512_vnni|avx512_bf16|avx512_fp16|avx_vnni|amx_tile|amx_bf16|amx_int8|asimd|sve|bf16)$/

/** @param libraries versions by name, as the baselines tell them */
export function machineFacts(libraries: Readonly<Record<string, string>>): MachineFacts {
  const { images: _, ...machine } = describeMachine(libraries, [])
  return { ...machine, instructions: cpuFlags().filter((flag) => TELLING_FLAGS.test(flag)) }
}

function cpuFlags(): string[] {
  try {
    return /^(?:flags|Features)\s*:\s*(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1]?.split(' ') ?? []
  } catch {
    // Not Linux: the figures stand without flags.
    return []
  }
}

/** Processes that wanted to run, on average over the last minute. */
export function loadAverage(): number {
  return loadavg()[0] ?? Number.NaN
}
