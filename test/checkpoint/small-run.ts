import { layOutState, type StateLayout } from '../../src/engine/graph/state-layout.ts'
import type { Checkpoint } from '../../src/train/checkpoint/checkpoint.ts'
import { snapshotState } from '../../src/train/checkpoint/state-tensors.ts'

/** State of a two-branch net of a few tensors. */
export const smallLayout: StateLayout = layOutState(
  [
    { name: 'conv1.weight', shape: [2, 3, 1, 1] },
    { name: 'branches.0.fc.weight', shape: [4, 2] },
    { name: 'branches.1.fc.weight', shape: [4, 2] },
    { name: 'gate.fc.weight', shape: [2, 2] },
  ],
  [{ name: 'bn1.running_mean', shape: [2] }],
  [],
  ['momentum'],
)

/** State in which every element, padding included, is its index times `scale`. */
export function filledState(scale: number, layout = smallLayout): SharedArrayBuffer {
  const state = new SharedArrayBuffer(layout.elements * 4)
  new Float32Array(state).forEach((_, index, all) => {
    all[index] = index * scale
  })
  return state
}

/** A run at `step` whose weights are a function of the step. */
export function checkpointAt(step: number, best: Checkpoint['progress']['best'] = null): Checkpoint {
  return {
    progress: {
      epoch: Math.floor(step / 10),
      step,
      stepInEpoch: step % 10,
      seed: 7,
      best,
      sums: { loss: 1.25, images: 640 },
      config: { network: 'resnet-8', init: null, learningRate: 0.1 },
    },
    tensors: snapshotState(smallLayout, filledState(step)),
    description: null,
  }
}
