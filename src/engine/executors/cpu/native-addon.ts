/** The border to the addon (native/engine/addon.cpp): nothing else in TypeScript loads it. */
import { createRequire } from 'node:module'
import { findAddon } from '../../../vocabulary/addon-file.ts'
import { UserFault } from '../../../vocabulary/fault.ts'
import type { PlanNames } from './plan-names.ts'
import { PLAN_VERSION } from './plan-words.ts'

/** A program compiled by the addon for one replica. */
export interface NativePlan {
  run(images: Uint8Array, labels: Int32Array, scalars: Float32Array, outputs: Float32Array): void
  dispose(): void
  /** Bytes of arenas, working copies of weights and scratch memory. */
  bytes(): number
  /** Starts (or stops) the clock of each instruction, from zero. */
  profile(on: boolean): void
  /** Nanoseconds of each instruction in the first thread, then of preparing weights, then of the update. */
  times(): Float64Array
}

/** TCP connections to the other hosts of a run (native/engine/runtime/host_mesh.hpp); its faults have the code ERR_HOST. */
export interface NativeHostMesh {
  /** Where the others connect. */
  port(): number
  /** For plans in other threads, while this object lives. */
  handle(): bigint
  connect(addresses: readonly { readonly host: string; readonly port: number }[], key: Uint8Array): Promise<void>
  giveUp(): void
}

export interface NativeMachine {
  /** oneDNN's version; empty in an addon that was built without it. */
  readonly version: string
  /** The instruction set that oneDNN uses here, e.g. `avx512_core_bf16`; without it, the one that the addon was compiled for. */
  readonly instructionSet: string
  /** oneDNN's threading: `omp`, `seq`, `tbb`, ...; `none` without it. */
  readonly threading: string
  /** Channels in a block of the layout that convolutions prefer. */
  readonly blockF32: number
  readonly blockBf16: number
  /** Most channels that our own 3x3 convolutions take; 0 = none here. */
  readonly winogradChannels: number
}

interface NativeAddon {
  readonly Plan: new (
    words: Int32Array,
    state: Float32Array,
    exchange: Uint8Array,
    replica: number,
    replicas: number,
    cores: Int32Array,
    mesh: bigint | null,
  ) => NativePlan
  /** @param patience milliseconds @param address of the interface to listen at, '' = all */
  readonly HostMesh: new (
    rank: number,
    hosts: number,
    patience: number,
    address: string,
  ) => NativeHostMesh
  machine(): NativeMachine
  /** What its plans may name. */
  readonly planNames: PlanNames
  /** Version of the plan's words that it reads; absent from addons built before it was told. */
  readonly planVersion?: number
}

/**
 * Loads the addon that findAddon names.
 * @throws UserFault where it was not built, cannot be loaded or is of another version
 */
export function loadNativeAddon(): NativeAddon {
  let addon: NativeAddon
  try {
    // The addon's exports are described above and nowhere else: this cast is the border.
    addon = createRequire(import.meta.url)(findAddon('one').path) as NativeAddon
  } catch (cause) {
    const reason = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause)
    throw unusable('the native addon for the executor cpu', reason, cause)
  }
  if (addon.planVersion !== PLAN_VERSION) {
    throw unusable(
      `a native addon that reads plans of version ${PLAN_VERSION}`,
      `one of ${addon.planVersion ?? 'before'}`,
    )
  }
  return addon
}

function unusable(what: string, received: string, cause?: unknown): UserFault {
  const remedy = 'Build it with: npx native-ensemble setup. Or train without it, slowly: --executor tfjs.'
  return new UserFault(`Expected ${what} but received: ${received}`, remedy, { cause })
}
