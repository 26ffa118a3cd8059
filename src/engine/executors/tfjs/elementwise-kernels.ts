import * as tf from '@tensorflow/tfjs-core'
import type { KernelsOf } from './kernel.ts'
import { storedShape } from './stored-layout.ts'

type ElementwiseOp =
  | 'Constant'
  | 'Normalise'
  | 'Cast'
  | 'Add'
  | 'Multiply'
  | 'Scale'
  | 'GlobalAveragePool'
  | 'GlobalAveragePoolGrad'

export const ELEMENTWISE_KERNELS: KernelsOf<ElementwiseOp> = {
  Constant: ({ attributes }) => [tf.scalar(attributes.value)],
  // Pixels come as [B, H, W, C], which is the stored order already.
  Normalise: ({ input, attributes }) => {
    const scaled = tf.div(input(0), 255)
    return [tf.div(tf.sub(scaled, tf.tensor1d([...attributes.mean])), tf.tensor1d([...attributes.std]))]
  },
  Cast: ({ input }) => [tf.clone(input(0))],
  Add: ({ input }) => [tf.add(input(0), input(1))],
  Multiply: ({ input }) => [tf.mul(input(0), input(1))],
  Scale: ({ input, attributes }) => [tf.mul(input(0), attributes.factor)],
  GlobalAveragePool: ({ input }) => [tf.mean(input(0), [1, 2])],
  GlobalAveragePoolGrad: ({ input, attributes }) => {
    const [batch = 0, height = 0, width = 0, channels = 0] = storedShape(attributes.inputShape)
    const each = tf.reshape(tf.div(input(0), height * width), [batch, 1, 1, channels])
    return [tf.tile(each, [1, height, width, 1])]
  },
}
