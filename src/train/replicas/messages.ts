/** Everything that crosses between the main thread and a replica: numbers, strings, plain data and shared memory. */

import type { SlotRing } from '../../data/input/batch-source.ts'
import type { InstructionTime, ReplicaPlace, SharedRunMemory } from '../../engine/executors/executor.ts'
import type { ExecutorChoice } from '../../engine/executors/executor-choice.ts'
import type { Program } from '../../engine/graph/program.ts'
import type { StateLayout } from '../../engine/graph/state-layout.ts'
import type { SlotIndex } from '../../vocabulary/counts.ts'
import type { PlainFault } from '../../vocabulary/plain-fault.ts'

export type ProgramName = 'train' | 'evaluate'

/** What a replica's thread begins with. */
export interface ReplicaSetup {
  readonly executor: ExecutorChoice
  readonly place: ReplicaPlace
  readonly programs: Readonly<Record<ProgramName, Program>>
  /** Compiled before the replica is asked for it; the other one when it is asked for. */
  readonly first: ProgramName
  readonly layout: StateLayout
  readonly memory: SharedRunMemory
  readonly ring: SlotRing
}

/** Where a replica's time and memory go. */
export interface ReplicaProfile {
  /** Sums over the runs since the clocks were started, in execution order. */
  readonly times: readonly InstructionTime[]
  /** Bytes of the program's plan: activations, working copies of weights, scratch memory. */
  readonly planBytes: number
}

export type ToReplica =
  /** Wait for the slot, run the program on this replica's rows of it. */
  | {
      readonly kind: 'run'
      readonly program: ProgramName
      readonly slot: SlotIndex
      readonly scalars: readonly number[]
    }
  /** Send the outputs of the runs before that were not sent yet: those that stayed on the device. */
  | { readonly kind: 'fetch' }
  /** Start the clocks of the program's instructions, or stop them and tell what they say. */
  | { readonly kind: 'profile'; readonly program: ProgramName; readonly on: boolean }
  /** Copy the state from the device to the shared memory, or begin the next run with what lies there. */
  | { readonly kind: 'state'; readonly move: 'pull' | 'push' }
  | { readonly kind: 'stop' }

export type FromReplica =
  /** The executor is loaded and the first program compiled. */
  | { readonly kind: 'ready' }
  /** The slot was read. The program's outputs, in its order (sent-outputs.ts), where it has run; null where they stay to be fetched. */
  | { readonly kind: 'ran'; readonly outputs: readonly number[] | null }
  /** Outputs of each run, the oldest first. */
  | { readonly kind: 'fetched'; readonly outputs: readonly (readonly number[])[] }
  /** What the clocks say: empty where they were started. */
  | { readonly kind: 'profiled'; readonly profile: ReplicaProfile }
  | { readonly kind: 'moved' }
  | { readonly kind: 'failed'; readonly fault: PlainFault }
