import type { SplitName } from '../datasets/dataset.ts'
import type { BatchShare } from './batch-share.ts'
import type { Augmentation } from './image-writers.ts'

/** One way through a split. */
export interface Pass {
  readonly split: SplitName
  /** Keys the order and the augmentation. */
  readonly epoch: number
  readonly augment: Augmentation
  /** Whether the augmentation of the user's, where the pipeline has one, is applied (default: no). */
  readonly own?: boolean
  readonly shuffle: 'epoch' | 'none'
  /** Times that each sample comes in its batch, where the order is shuffled (default 1). */
  readonly repeats?: number
  /** Batch to begin with: 0, or where a run is resumed within an epoch. */
  readonly firstBatch: number
  /** What becomes of images that do not fill a batch; padded rows have label -1 and zero pixels. */
  readonly partial: 'drop' | 'pad'
  /** This host's part where several share each batch (default: all of it); a slot is then that part. */
  readonly share?: BatchShare
}
