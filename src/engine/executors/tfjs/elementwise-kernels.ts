import * as tf from '@tensorflow/tfjs-core'
import type { ElementwiseOps } from '../../graph/ops/elementwise.ts'
import type { KernelsOf } from './kernel.ts'

export const ELEMENTWISE_KERNELS: KernelsOf<keyof ElementwiseOps> = {
  Constant: ({ attributes }) => [tf.scalar(attributes.value)],
  // Pixels come as [B, H, W, C], which is the stored order already.
  Normalise: ({ input, attributes }) => {
    const scaled = tf.div(input('pixels'), 255)
    return [tf.div(tf.sub(scaled, tf.tensor1d([...attributes.mean])), tf.tensor1d([...attributes.std]))]
  },
  Cast: ({ input }) => [tf.clone(input('x'))],
  Add: ({ input }) => [tf.add(input('left'), input('right'))],
  Multiply: ({ input }) => [tf.mul(input('left'), input('right'))],
  Scale: ({ input, attributes }) => [tf.mul(input('x'), attributes.factor)],
}
