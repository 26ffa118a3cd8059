import * as tf from '@tensorflow/tfjs-core'
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

export const UPDATE_KERNELS: KernelsOf<'AllReduceMean' | 'SgdNesterov' | 'OptimizerUpdate' | 'RunningAverage'> = {
  AllReduceMean: ({ input, allReduceMean }) => [allReduceMean(input(0))],
  // torch.optim.SGD: g += decay w; buffer = momentum buffer + g; w -= rate (g + momentum buffer).
  SgdNesterov: ({ input, attributes }) => {
    const [weight, buffer, rate] = [input(0), input(1), input(3)]
    const gradient = tf.add(input(2), tf.mul(weight, attributes.weightDecay))
    const momentum = tf.add(tf.mul(buffer, attributes.momentum), gradient)
    const direction = tf.add(gradient, tf.mul(momentum, attributes.momentum))
    return [tf.sub(weight, tf.mul(direction, rate)), momentum]
  },
  OptimizerUpdate: ({ inputs, attributes }) => interpretUpdate(attributes, inputs, OPERATIONS),
  RunningAverage: ({ input, attributes }) => {
    const { weight, correction } = attributes
    return [tf.add(tf.mul(input(0), 1 - weight), tf.mul(input(1), weight * correction))]
  },
}
