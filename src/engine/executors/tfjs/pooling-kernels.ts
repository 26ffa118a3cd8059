import * as tf from '@tensorflow/tfjs-core'
import type { PoolAttributes } from '../../graph/ops.ts'
import type { KernelsOf } from './kernel.ts'
import { padImage, runKernel } from './run-kernel.ts'
import { storedShape } from './stored-layout.ts'

type PoolingOp = 'MaxPool' | 'MaxPoolGrad' | 'AveragePool' | 'AveragePoolGrad' | 'Concat' | 'SliceChannels'

/**
 * Pooling of images that were padded before: the backends differ in the paddings that they take. x [B, H, W, C] as stored;
 * gradients are those of the padded image, cropped.
 */
export const POOLING_KERNELS: KernelsOf<PoolingOp> = {
  MaxPool: ({ input, attributes }) => {
    const x = padImage(input(0), attributes.padding, Number.NEGATIVE_INFINITY)
    return [runKernel('MaxPool', { x }, windows(attributes))]
  },
  MaxPoolGrad: ({ input, attributes }) => {
    const x = padImage(input(1), attributes.padding, Number.NEGATIVE_INFINITY)
    const output = runKernel('MaxPool', { x }, windows(attributes))
    const gradient = runKernel('MaxPoolGrad', { dy: input(0), input: x, output }, windows(attributes))
    return [crop(gradient, input(1).shape, attributes)]
  },
  AveragePool: ({ input, attributes }) => {
    const x = padImage(input(0), attributes.padding, 0)
    return [runKernel('AvgPool', { x }, windows(attributes))]
  },
  AveragePoolGrad: ({ input, attributes }) => {
    const shape = storedShape(attributes.inputShape)
    // Only its size counts.
    const x = padImage(tf.zeros(shape), attributes.padding, 0)
    const gradient = runKernel('AvgPoolGrad', { dy: input(0), input: x }, windows(attributes))
    return [crop(gradient, shape, attributes)]
  },
  Concat: ({ inputs }) => [tf.concat([...inputs], CHANNEL_AXIS)],
  SliceChannels: ({ input, attributes }) => {
    const size = [...input(0).shape]
    size[CHANNEL_AXIS] = attributes.channels
    return [tf.slice(input(0), [0, 0, 0, attributes.start], size)]
  },
}

const CHANNEL_AXIS = 3

function windows({ kernel, stride }: PoolAttributes): Readonly<Record<string, unknown>> {
  return { filterSize: [kernel, kernel], strides: [stride, stride], pad: 'valid' }
}

function crop(padded: tf.Tensor, shape: readonly number[], { padding }: PoolAttributes): tf.Tensor {
  return tf.slice(padded, [0, padding, padding, 0], [...shape])
}
