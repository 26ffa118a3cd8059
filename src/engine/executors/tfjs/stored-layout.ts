import * as tf from '@tensorflow/tfjs-core'
import type { Shape } from '../../../vocabulary/shape.ts'

/** Axes of the logical [B, C, H, W] in the order in which they are stored: TensorFlow's kernels want channels last. */
const TO_STORED = [0, 2, 3, 1]
const TO_LOGICAL = [0, 3, 1, 2]

/** Uploads a tensor given in logical order. `values` must not change afterwards: the backend may keep them. */
export function storeTensor(values: Float32Array, shape: Shape): tf.Tensor {
  const tensor = tf.tensor(values, [...shape], 'float32')
  return shape.length === 4 ? tf.transpose(tensor, TO_STORED) : tensor
}

/** The elements of a stored tensor in logical order. */
export function readTensor(stored: tf.Tensor): Float32Array {
  const logical = stored.rank === 4 ? tf.transpose(stored, TO_LOGICAL) : stored
  // Only float32 tensors are stored here, so these are floats.
  return logical.dataSync<'float32'>()
}

/** Shape under which a tensor of this logical shape is stored. */
export function storedShape(shape: Shape): number[] {
  return shape.length === 4 ? TO_STORED.map((axis) => shape[axis] ?? 0) : [...shape]
}
