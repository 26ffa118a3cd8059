import * as tf from '@tensorflow/tfjs-core'
import type { PoolAttributes, PoolingOps } from '../../graph/ops/pooling.ts'
import type { KernelsOf } from './kernel.ts'
import { padImage, runKernel } from './run-kernel.ts'
import { storedShape } from './stored-layout.ts'

/**
 * Pooling of images that were padded before: the backends differ in the paddings that they take. x [B, H, W, C] as stored;
 * gradients are those of the padded image, cropped.
 */
export const POOLING_KERNELS: KernelsOf<keyof PoolingOps> = {
  MaxPool: ({ input, attributes }) => {
    const x = padImage(input('x'), attributes.padding, Number.NEGATIVE_INFINITY)
    return [runKernel('MaxPool', { x }, windows(attributes))]
  },
  MaxPoolGrad: ({ input, attributes }) => {
    const x = padImage(input('x'), attributes.padding, Number.NEGATIVE_INFINITY)
    const output = runKernel('MaxPool', { x }, windows(attributes))
    const gradient = runKernel('MaxPoolGrad', { dy: input('dy'), input: x, output }, windows(attributes))
    return [crop(gradient, input('x').shape, attributes)]
  },
  AveragePool: ({ input, attributes }) => {
    const x = padImage(input('x'), attributes.padding, 0)
    return [runKernel('AvgPool', { x }, windows(attributes))]
  },
  AveragePoolGrad: ({ input, attributes }) => {
    const shape = storedShape(attributes.inputShape)
    // Only its size counts.
    const x = padImage(tf.zeros(shape), attributes.padding, 0)
    const gradient = runKernel('AvgPoolGrad', { dy: input('dy'), input: x }, windows(attributes))
    return [crop(gradient, shape, attributes)]
  },
  GlobalAveragePool: ({ input }) => [tf.mean(input('x'), [1, 2])],
  GlobalAveragePoolGrad: ({ input, attributes }) => {
    const [batch = 0, height = 0, width = 0, channels = 0] = storedShape(attributes.inputShape)
    const each = tf.reshape(tf.div(input('dy'), height * width), [batch, 1, 1, channels])
    return [tf.tile(each, [1, height, width, 1])]
  },
}

function windows({ kernel, stride }: PoolAttributes): Readonly<Record<string, unknown>> {
  return { filterSize: [kernel, kernel], strides: [stride, stride], pad: 'valid' }
}

function crop(padded: tf.Tensor, shape: readonly number[], { padding }: PoolAttributes): tf.Tensor {
  return tf.slice(padded, [0, padding, padding, 0], [...shape])
}
