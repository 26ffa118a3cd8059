import * as tf from '@tensorflow/tfjs-core'
import type { UpdateOps } from '../../graph/ops/updates.ts'
import { interpretUpdate, type UpdateInterpreter } from '../../graph/update-arithmetic.ts'
import type { KernelsOf } from './kernel.ts'

const OPERATIONS: UpdateInterpreter<tf.Tensor> = {
  constant: (value) => tf.scalar(value),
  add: (left, right) => tf.add(left, right),
  subtract: (left, right) => tf.sub(left, right),
  multiply: (left, right) => tf.mul(left, right),
  divide: (left, right) => tf.div(left, right),
  squareRoot: (x) => tf.sqrt(x),
  norm: (x) => tf.sqrt(tf.sum(tf.square(x))),
  whenPositive: (test, yes, no) => tf.where(tf.greater(test, 0), yes, no),
}

export const UPDATE_KERNELS: KernelsOf<keyof UpdateOps> = {
  AllReduceMean: ({ input, allReduceMean }) => [allReduceMean(input('local'))],
  ClipByGlobalNorm: ({ list, attributes }) => {
    const norm = tf.sqrt(tf.addN(list('gradients').map((gradient) => tf.sum(tf.square(gradient)))))
    const factor = tf.minimum(1, tf.div(attributes.largestNorm, tf.add(norm, 1e-6)))
    return list('gradients').map((gradient) => tf.mul(gradient, factor))
  },
  // torch.optim.SGD: g += decay w; buffer = momentum buffer + g; w -= rate (g + momentum buffer).
  SgdNesterov: ({ input, attributes }) => {
    const [weight, buffer, rate] = [input('weight'), input('momentum'), input('rate')]
    const gradient = tf.add(input('gradient'), tf.mul(weight, attributes.weightDecay))
    const momentum = tf.add(tf.mul(buffer, attributes.momentum), gradient)
    const direction = tf.add(gradient, tf.mul(momentum, attributes.momentum))
    return [tf.sub(weight, tf.mul(direction, rate)), momentum]
  },
  OptimizerUpdate: ({ list, attributes }) => interpretUpdate(attributes, list('operands'), OPERATIONS),
  RunningAverage: ({ input, attributes }) => {
    const { weight, correction } = attributes
    return [tf.add(tf.mul(input('running'), 1 - weight), tf.mul(input('batch'), weight * correction))]
  },
}
