import * as tf from '@tensorflow/tfjs-core'
import type { ActivationFunction, ActivationOps, Rectifier } from '../../graph/ops/activation.ts'
import type { KernelsOf } from './kernel.ts'

interface ActivationKernel {
  value(x: tf.Tensor): tf.Tensor
  /** @param source y of rectifiers, x of the others */
  gradient(dy: tf.Tensor, source: tf.Tensor): tf.Tensor
}

const FUNCTIONS: Readonly<Record<ActivationFunction, ActivationKernel>> = {
  relu: { value: tf.relu, gradient: (dy, y) => tf.mul(dy, tf.step(y)) },
  relu6: {
    value: (x) => tf.minimum(tf.relu(x), 6),
    gradient: (dy, y) => tf.mul(dy, tf.mul(tf.step(y), tf.step(tf.sub(6, y)))),
  },
  silu: {
    value: (x) => tf.mul(x, tf.sigmoid(x)),
    gradient: (dy, x) => {
      const s = tf.sigmoid(x)
      return tf.mul(tf.mul(dy, s), tf.add(1, tf.mul(x, tf.sub(1, s))))
    },
  },
  gelu: {
    value: (x) => tf.mul(x, normalShare(x)),
    gradient: (dy, x) => {
      const density = tf.mul(tf.exp(tf.mul(tf.square(x), -0.5)), 1 / Math.sqrt(2 * Math.PI))
      return tf.mul(dy, tf.add(normalShare(x), tf.mul(x, density)))
    },
  },
}

/** The normal distribution's function, (1 + erf(x / sqrt(2))) / 2. */
function normalShare(x: tf.Tensor): tf.Tensor {
  return tf.mul(tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1), 0.5)
}

export const ACTIVATION_KERNELS: KernelsOf<keyof ActivationOps> = {
  Activation: ({ input, attributes }) => [FUNCTIONS[attributes.function].value(input('x'))],
  ActivationGrad: ({ input, attributes }) => [FUNCTIONS[attributes.function].gradient(input('dy'), input('source'))],
}

export function rectified(rectifier: Rectifier, x: tf.Tensor): tf.Tensor {
  return FUNCTIONS[rectifier].value(x)
}

/** dy where the rectifier's result y tells a slope of 1, else 0. */
export function rectifiedGradient(rectifier: Rectifier, dy: tf.Tensor, y: tf.Tensor): tf.Tensor {
  return FUNCTIONS[rectifier].gradient(dy, y)
}
