import * as tf from '@tensorflow/tfjs-core'
import type { BatchNormAttributes, BatchNormOps } from '../../graph/ops/batch-norm.ts'
import { rectified, rectifiedGradient } from './activation-kernels.ts'
import type { KernelsOf } from './kernel.ts'

/** x [B, H, W, C] or [B, C]; n below is the number of elements a channel has. */
export const BATCH_NORM_KERNELS: KernelsOf<keyof BatchNormOps> = {
  BatchNorm: ({ input, has, attributes }) => {
    const x = input('x')
    const mean = tf.mean(x, allButChannels(x))
    const variance = tf.mean(tf.square(normalise(x, mean, tf.onesLike(mean), 0)), allButChannels(x))
    const y = normalise(x, mean, variance, attributes.epsilon, input('scale'), input('shift'))
    return [finish(y, attributes, has('residual') ? input('residual') : null), mean, variance]
  },
  BatchNormInference: ({ input, has, attributes }) => {
    const y = normalise(
      input('x'),
      input('mean'),
      input('variance'),
      attributes.epsilon,
      input('scale'),
      input('shift'),
    )
    return [finish(y, attributes, has('residual') ? input('residual') : null)]
  },
  // Ioffe and Szegedy 2015, section 3: dx = scale / sqrt(var + eps) (dy - sum(dy) / n - xhat sum(dy xhat) / n), where
  // sum(dy) / n + xhat sum(dy xhat) / n is itself a batch norm of x, with other scale and shift.
  BatchNormGrad: ({ input, attributes }) => {
    const { epsilon, activation, residual } = attributes
    const [x, scale, mean, variance] = [input('x'), input('scale'), input('mean'), input('variance')]
    const dy = activation === null ? tf.clone(input('dy')) : rectifiedGradient(activation, input('dy'), input('y'))
    const dscale = tf.sum(tf.mul(dy, normalise(x, mean, variance, epsilon)), allButChannels(x))
    const dshift = tf.sum(dy, allButChannels(x))
    const count = x.size / scale.size
    const projection = normalise(x, mean, variance, epsilon, tf.div(dscale, count), tf.div(dshift, count))
    const dx = normalise(tf.sub(dy, projection), tf.zerosLike(mean), variance, epsilon, scale)
    return residual ? [dx, dscale, dshift, dy] : [dx, dscale, dshift]
  },
}

function allButChannels({ rank }: tf.Tensor): number[] {
  return Array.from({ length: rank - 1 }, (_, axis) => axis)
}

/** (x - mean) / sqrt(variance + epsilon) * scale + shift. */
function normalise(
  x: tf.Tensor,
  mean: tf.Tensor,
  variance: tf.Tensor,
  epsilon: number,
  scale: tf.Tensor = tf.onesLike(mean),
  shift: tf.Tensor = tf.zerosLike(mean),
): tf.Tensor {
  // Vectors [C] all; the types of tf.batchNorm ask for a rank.
  const vector = (tensor: tf.Tensor) => tf.reshape<tf.Rank.R1>(tensor, [tensor.size])
  return tf.batchNorm(x, vector(mean), vector(variance), vector(shift), vector(scale), epsilon)
}

function finish(y: tf.Tensor, { activation }: BatchNormAttributes, residual: tf.Tensor | null): tf.Tensor {
  const sum = residual === null ? y : tf.add(y, residual)
  return activation === null ? sum : rectified(activation, sum)
}
