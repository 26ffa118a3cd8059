/** Everything that crosses between the main thread and a replica: numbers, strings, plain data and shared memory. */

import type { ReplicaPlace, SharedRunMemory } from '../executors/executor.ts'
import type { ExecutorChoice } from '../executors/executor-choice.ts'
import type { Program } from '../graph/program.ts'
import type { StateLayout } from '../graph/state-layout.ts'
import type { SlotRing } from '../input/batch-source.ts'
import type { SlotIndex } from '../vocabulary/counts.ts'

export type ProgramName = 'train' | 'evaluate'

/** What a replica's thread begins with. */
export interface ReplicaSetup {
  readonly executor: ExecutorChoice
  readonly place: ReplicaPlace
  readonly programs: Readonly<Record<ProgramName, Program>>
  readonly layout: StateLayout
  readonly memory: SharedRunMemory
  readonly ring: SlotRing
}

export type ToReplica =
  /** Wait for the slot, run the program on this replica's rows of it. */
  | {
      readonly kind: 'run'
      readonly program: ProgramName
      readonly slot: SlotIndex
      readonly scalars: readonly number[]
    }
  | { readonly kind: 'stop' }

export type FromReplica =
  /** The executor is loaded. */
  | { readonly kind: 'ready' }
  /** The program's outputs, in its order. */
  | { readonly kind: 'ran'; readonly outputs: readonly number[] }
  | {
      readonly kind: 'failed'
      readonly message: string
      /** Of a UserFault; null for a fault of ours. */
      readonly remedy: string | null
      readonly stack: string
    }
