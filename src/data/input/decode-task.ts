/** All that crosses between the pipeline and its decode workers: numbers, words and shared memory; never a pixel. */
import type { DatasetSplit, SplitName } from '../datasets/dataset.ts'
import type { SlotRing } from './batch-source.ts'
import type { Augmentation } from './image-writers.ts'
import type { AugmentationModule } from './own-augmentation.ts'
import type { TrainingNoise } from './training-noise.ts'

/** Given once to each worker thread, as its workerData. */
export interface DecodeMemory {
  readonly ring: SlotRing
  readonly splits: Readonly<Record<SplitName, DatasetSplit>>
  readonly seed: number
  readonly noise: TrainingNoise
  /** Of the user's, done after all else to images of passes that say `own`; null = none. */
  readonly augmentation: AugmentationModule | null
  /** Images of each sample that the ring has, each drawn anew: their channels lie one after the other in each pixel. */
  readonly views: number
  /** What slot-claims.ts reads and writes. */
  readonly claims: SharedArrayBuffer
}

/** One slot to fill: images `first` .. `first + count - 1` of the pass's order, rows after them padded. */
export interface SlotFill {
  readonly slot: number
  readonly first: number
  /** Index of the batch in the pass. */
  readonly batch: number
  readonly count: number
  /** The slot's claim when it was given to this task: while it stays so, the task may write. */
  readonly claim: number
}

export interface DecodeTask {
  readonly split: SplitName
  readonly epoch: number
  readonly augment: Augmentation
  /** Whether the user's augmentation is applied. */
  readonly own: boolean
  /** Times that a sample may come, each augmented with numbers of its own. */
  readonly repeats: number
  /** Sample of each place in the pass, plus the images of the split for each repeat before, i32; null = the archive's order. */
  readonly order: SharedArrayBuffer | null
  readonly fills: readonly SlotFill[]
}

/** A task that throws says so here: a rejected promise of the pool then always means that its thread has died. */
export type DecodeReply =
  | { readonly kind: 'filled' }
  | {
      readonly kind: 'failed'
      readonly slot: number
      readonly message: string
      /** Of a UserFault; null for a fault of ours. */
      readonly remedy: string | null
      readonly stack: string
    }
