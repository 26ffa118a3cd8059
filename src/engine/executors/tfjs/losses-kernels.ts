import * as tf from '@tensorflow/tfjs-core'
import type { CrossEntropyAttributes, LossOps } from '../../graph/ops/losses.ts'
import type { KernelsOf } from './kernel.ts'
import { logSoftmax } from './log-softmax.ts'

/** Logits [B, K], labels i32 [B] or [2, B]; a label of -1 has a row of zeros in the one-hot matrix, so it counts nowhere. */
export const LOSS_KERNELS: KernelsOf<keyof LossOps> = {
  CrossEntropy: ({ input, attributes }) => {
    const logits = input('logits')
    const sum = tf.neg(tf.sum(tf.mul(targetOf(input('labels'), logits, attributes), logSoftmax(logits))))
    return [tf.div(sum, rowsOf(logits, attributes.reduction))]
  },
  CrossEntropyGrad: ({ input, attributes }) => {
    const [dloss, logits] = [input('dloss'), input('logits')]
    const target = targetOf(input('labels'), logits, attributes)
    const counted = tf.sum(oneHot(input('labels'), logits, attributes.labels), 1, true)
    const difference = tf.sub(tf.mul(tf.softmax(logits), counted), target)
    return [tf.mul(difference, tf.div(dloss, rowsOf(logits, attributes.reduction)))]
  },
  KullbackLeibler: ({ input, attributes }) => {
    const teacher = logSoftmax(tf.div(input('teacher'), attributes.temperature))
    const student = logSoftmax(tf.div(input('student'), attributes.temperature))
    const divergence = tf.sum(tf.mul(tf.exp(teacher), tf.sub(teacher, student)))
    return [tf.div(divergence, rowsOf(teacher, 'mean'))]
  },
  KullbackLeiblerGrad: ({ input, attributes }) => {
    const { temperature } = attributes
    const teacher = tf.softmax(tf.div(input('teacher'), temperature))
    const student = tf.softmax(tf.div(input('student'), temperature))
    const factor = tf.div(input('dloss'), temperature * rowsOf(student, 'mean'))
    return [tf.mul(tf.sub(student, teacher), factor)]
  },
  // A class loses to the label's where its logit is smaller, or equal with a higher number. NaN loses to nothing.
  TopKCorrect: ({ input, attributes }) => {
    const [logits, labels] = [input('logits'), input('labels')]
    const classes = logits.shape[1] ?? 0
    const target = oneHot(labels, logits)
    const own = tf.sum(tf.where(tf.cast(target, 'bool'), logits, tf.zerosLike(logits)), 1, true)
    const higherNumber = tf.greater(tf.range(0, classes, 1, 'int32'), tf.expandDims(oneOf(labels), 1))
    const loses = tf.logicalOr(tf.less(logits, own), tf.logicalAnd(tf.equal(logits, own), higherNumber))
    const losers = tf.sum(tf.cast(loses, 'float32'), 1)
    const correct = tf.cast(tf.greaterEqual(losers, classes - attributes.k), 'float32')
    return [tf.sum(tf.mul(correct, tf.sum(target, 1)))]
  },
}

/** What a cross entropy compares the softmax with, [B, K]. */
function targetOf(
  labels: tf.Tensor,
  logits: tf.Tensor,
  { labels: of, smoothing = 0 }: CrossEntropyAttributes,
): tf.Tensor {
  const certain = oneHot(labels, logits, of)
  if (smoothing === 0) return certain
  const counted = tf.sum(certain, 1, true)
  return tf.add(tf.mul(certain, 1 - smoothing), tf.mul(counted, smoothing / (logits.shape[1] ?? 1)))
}

export function oneHot(labels: tf.Tensor, logits: tf.Tensor, of?: 'partner'): tf.Tensor {
  return tf.oneHot(oneOf(labels, of), logits.shape[1] ?? 0, 1, 0, 'float32')
}

/** The images' own labels or their partners', [B]. */
function oneOf(labels: tf.Tensor, of?: 'partner'): tf.Tensor {
  if (labels.rank === 1) return labels
  const batch = labels.shape[1] ?? 0
  return tf.reshape(tf.slice(labels, [of === 'partner' ? 1 : 0, 0], [1, batch]), [batch])
}

export function rowsOf(logits: tf.Tensor, reduction: 'mean' | 'sum'): number {
  return reduction === 'mean' ? (logits.shape[0] ?? 0) : 1
}
