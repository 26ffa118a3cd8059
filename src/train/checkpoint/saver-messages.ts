/** What crosses between the main thread and the one that writes checkpoints. */
import type { StateLayout } from '../../engine/graph/state-layout.ts'
import type { PlainFault } from '../../vocabulary/plain-fault.ts'
import type { KeepRule } from './kept-checkpoints.ts'
import type { ModelDescription } from './model-description.ts'
import type { RunProgress } from './run-state.ts'

/** What the thread begins with. */
export interface SaverSetup {
  readonly runFolder: string
  readonly rule: KeepRule
  readonly layout: StateLayout
  /** Goes into each checkpoint. */
  readonly description: ModelDescription | null
  /** The state at one moment, by the layout: the main thread writes it while nothing is being saved. */
  readonly copy: SharedArrayBuffer
}

/** Save what lies in the copy; this is where the run was. */
export type ToSaver = RunProgress

export type FromSaver =
  | { readonly kind: 'saved' }
  /** Nothing was written: an element is not finite. */
  | { readonly kind: 'diverged'; readonly tensor: string; readonly element: number }
  | { readonly kind: 'failed'; readonly fault: PlainFault }
