import * as tf from '@tensorflow/tfjs-core'
import type { KernelsOf } from './kernel.ts'
import { logSoftmax } from './log-softmax.ts'

type ClassifierOp =
  | 'Linear'
  | 'LinearBackpropInput'
  | 'LinearBackpropWeights'
  | 'Softmax'
  | 'SoftmaxGrad'
  | 'GatedSum'
  | 'GatedSumGrad'
  | 'Average'
  | 'AverageGrad'
  | 'LogMeanProbability'

export const CLASSIFIER_KERNELS: KernelsOf<ClassifierOp> = {
  Linear: ({ input }) => [tf.add(tf.matMul(input(0), input(1), false, true), input(2))],
  LinearBackpropInput: ({ input }) => [tf.matMul(input(0), input(1))],
  LinearBackpropWeights: ({ input }) => [tf.matMul(input(1), input(0), true, false), tf.sum(input(1), 0)],
  Softmax: ({ input }) => [tf.softmax(input(0))],
  SoftmaxGrad: ({ input }) => {
    const weighted = tf.mul(input(0), input(1))
    return [tf.sub(weighted, tf.mul(input(1), tf.sum(weighted, 1, true)))]
  },
  GatedSum: ({ input, inputs }) => {
    const [, ...logits] = inputs
    const stacked = tf.stack(logits, 1)
    return [tf.sum(tf.mul(tf.expandDims(input(0), 2), stacked), 1)]
  },
  GatedSumGrad: ({ input, inputs }) => {
    const [, , ...logits] = inputs
    const [dteacher, gate] = [input(0), input(1)]
    const dgate = logits.map((branch) => tf.sum(tf.mul(dteacher, branch), 1))
    const shares = tf.split(gate, logits.length, 1)
    return [tf.stack(dgate, 1), ...shares.map((share) => tf.mul(dteacher, share))]
  },
  Average: ({ inputs }) => [tf.div(sumOf(inputs), inputs.length)],
  AverageGrad: ({ input, attributes }) => [tf.div(input(0), attributes.count)],
  LogMeanProbability: ({ inputs }) => {
    const logs = inputs.map(logSoftmax)
    const top = logs.reduce((largest, log) => tf.maximum(largest, log))
    const sum = sumOf(logs.map((log) => tf.exp(tf.sub(log, top))))
    return [tf.add(top, tf.log(tf.div(sum, inputs.length)))]
  },
}

function sumOf(tensors: readonly tf.Tensor[]): tf.Tensor {
  return tensors.reduce((sum, tensor) => tf.add(sum, tensor))
}
