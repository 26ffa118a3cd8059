import * as tf from '@tensorflow/tfjs-core'
import type { ClassifierOps } from '../../graph/ops/classifier.ts'
import type { KernelsOf } from './kernel.ts'
import { logSoftmax } from './log-softmax.ts'

export const CLASSIFIER_KERNELS: KernelsOf<keyof ClassifierOps> = {
  Linear: ({ input }) => [tf.add(tf.matMul(input('x'), input('weights'), false, true), input('bias'))],
  LinearBackpropInput: ({ input }) => [tf.matMul(input('dy'), input('weights'))],
  LinearBackpropWeights: ({ input }) => [tf.matMul(input('dy'), input('x'), true, false), tf.sum(input('dy'), 0)],
  Softmax: ({ input }) => [tf.softmax(input('x'))],
  SoftmaxGrad: ({ input }) => {
    const weighted = tf.mul(input('dy'), input('y'))
    return [tf.sub(weighted, tf.mul(input('y'), tf.sum(weighted, 1, true)))]
  },
  GatedSum: ({ input, list }) => {
    const stacked = tf.stack([...list('logits')], 1)
    return [tf.sum(tf.mul(tf.expandDims(input('gate'), 2), stacked), 1)]
  },
  GatedSumGrad: ({ input, list }) => {
    const [dteacher, gate, logits] = [input('dteacher'), input('gate'), list('logits')]
    const dgate = logits.map((branch) => tf.sum(tf.mul(dteacher, branch), 1))
    const shares = tf.split(gate, logits.length, 1)
    return [tf.stack(dgate, 1), ...shares.map((share) => tf.mul(dteacher, share))]
  },
  Average: ({ list }) => [tf.div(sumOf(list('members')), list('members').length)],
  AverageGrad: ({ input, attributes }) => [tf.div(input('dy'), attributes.count)],
  LogMeanProbability: ({ list }) => {
    const logs = list('logits').map(logSoftmax)
    const top = logs.reduce((largest, log) => tf.maximum(largest, log))
    const sum = sumOf(logs.map((log) => tf.exp(tf.sub(log, top))))
    return [tf.add(top, tf.log(tf.div(sum, logs.length)))]
  },
}

function sumOf(tensors: readonly tf.Tensor[]): tf.Tensor {
  return tensors.reduce((sum, tensor) => tf.add(sum, tensor))
}
