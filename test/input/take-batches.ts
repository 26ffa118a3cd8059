/** Takes batches out of a pipeline on the main thread, where Atomics.wait would stop the pool as well. */
import { createHash } from 'node:crypto'
import type { Pass } from '../../src/data/input/pass.ts'
import type { AssignedSlot, InputPipeline } from '../../src/data/input/pipeline.ts'
import { SLOT_STATES, slotLabels, slotPixels } from '../../src/data/input/slot-ring.ts'

export const TRAINING: Pass = {
  split: 'train',
  epoch: 0,
  augment: 'standard',
  shuffle: 'epoch',
  firstBatch: 0,
  partial: 'drop',
}

export interface TakenBatch {
  readonly batch: number
  readonly count: number
  readonly labels: readonly number[]
  /** SHA-256 of pixels and labels. */
  readonly hash: string
}

/** Resolves when the slot is no longer being filled. */
export async function filled(pipeline: InputPipeline, slot: number): Promise<void> {
  const states = new Int32Array(pipeline.ring.states)
  while (Atomics.load(states, slot) === SLOT_STATES.filling) await new Promise((resolve) => setTimeout(resolve, 1))
  if (Atomics.load(states, slot) !== SLOT_STATES.ready) throw new Error(`slot ${slot} has failed`)
}

/** Copies a filled slot's numbers out and releases it. */
export async function takeSlot(pipeline: InputPipeline, { slot, batch, count }: AssignedSlot): Promise<TakenBatch> {
  await filled(pipeline, slot)
  const labels = slotLabels(pipeline.ring, slot)
  const hash = createHash('sha256').update(slotPixels(pipeline.ring, slot)).update(labels).digest('hex')
  const taken = { batch, count, labels: [...labels], hash }
  pipeline.release(slot)
  return taken
}

/** The rest of the open pass. */
export async function takeAll(pipeline: InputPipeline): Promise<TakenBatch[]> {
  const taken: TakenBatch[] = []
  for (let slot = await pipeline.next(); slot !== null; slot = await pipeline.next()) {
    taken.push(await takeSlot(pipeline, slot))
  }
  return taken
}
