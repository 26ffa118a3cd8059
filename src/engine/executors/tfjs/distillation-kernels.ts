import * as tf from '@tensorflow/tfjs-core'
import type { DistillationOps } from '../../graph/ops/distillation.ts'
import type { KernelsOf } from './kernel.ts'
import { logSoftmax } from './log-softmax.ts'
import { oneHot, rowsOf } from './losses-kernels.ts'

export const DISTILLATION_KERNELS: KernelsOf<keyof DistillationOps> = {
  SharedLinear: ({ input, list }) => list('rows').map((x) => tf.matMul(x, input('weights'), false, true)),
  SharedLinearBackpropWeights: ({ list }) => {
    const all = list('rowsThenGradients')
    const count = all.length / 2
    const gradients = all.slice(count)
    const terms = all.slice(0, count).flatMap((x, place) => {
      const dy = gradients[place]
      return dy === undefined ? [] : [tf.matMul(dy, x, true, false)]
    })
    return [terms.reduce((sum, term) => tf.add(sum, term))]
  },
  RowDots: ({ input, list }) => {
    const sums = list('keys').map((key) => tf.sum(tf.mul(input('query'), key), 1))
    return [tf.stack(sums, 1)]
  },
  // p_j (log p_j - log q_j - sum_k p_k (log p_k - log q_k)).
  KullbackLeiblerTeacherGrad: ({ input, attributes }) => {
    const { temperature } = attributes
    const teacher = logSoftmax(tf.div(input('teacher'), temperature))
    const ratio = tf.sub(teacher, logSoftmax(tf.div(input('student'), temperature)))
    const shares = tf.exp(teacher)
    const divergence = tf.sum(tf.mul(shares, ratio), 1, true)
    const factor = tf.div(input('dloss'), temperature * rowsOf(teacher, 'mean'))
    return [tf.mul(tf.mul(shares, tf.sub(ratio, divergence)), factor)]
  },
  DecoupledKullbackLeibler: ({ input, attributes }) => {
    const { temperature, target: weight, others } = attributes
    const target = oneHot(input('labels'), input('teacher'))
    const [p, q] = [
      decouple(tf.div(input('teacher'), temperature), target),
      decouple(tf.div(input('student'), temperature), target),
    ]
    const ofOthers = tf.sum(tf.mul(tf.exp(p.others), tf.sub(p.others, q.others)), 1, true)
    const ofTarget = tf.add(
      tf.mul(tf.exp(p.label), tf.sub(p.label, q.label)),
      tf.mul(tf.exp(p.rest), tf.sub(p.rest, q.rest)),
    )
    const counted = tf.sum(target, 1, true)
    const sum = tf.sum(tf.mul(counted, tf.add(tf.mul(ofTarget, weight), tf.mul(ofOthers, others))))
    return [tf.div(sum, rowsOf(target, 'mean'))]
  },
  // Of the label: weight (q_y - p_y); of another class: weight q^_j (p_y - q_y) + others (q^_j - p^_j).
  DecoupledKullbackLeiblerGrad: ({ input, attributes }) => {
    const { temperature, target: weight, others } = attributes
    const target = oneHot(input('labels'), input('teacher'))
    const [p, q] = [
      decouple(tf.div(input('teacher'), temperature), target),
      decouple(tf.div(input('student'), temperature), target),
    ]
    const difference = tf.mul(tf.sub(tf.exp(q.label), tf.exp(p.label)), weight)
    const [soft, hard] = [tf.exp(q.others), tf.exp(p.others)]
    const ofOthers = tf.sub(tf.mul(tf.sub(soft, hard), others), tf.mul(soft, difference))
    const counted = tf.mul(tf.sum(target, 1, true), tf.div(input('dloss'), temperature * rowsOf(target, 'mean')))
    return [tf.mul(counted, tf.add(ofOthers, tf.mul(target, difference)))]
  },
  CollaborativeTarget: ({ input, list, attributes }) => {
    const members = list('logits')
    const [first] = members
    if (first === undefined) throw new Error('Expected logits for a target')
    const target = oneHot(input('labels'), first)
    const own = (scores: tf.Tensor) => tf.sum(tf.mul(target, scores), 1, true)
    if (attributes.rule === 'min-logit') {
      return [members.map((z) => tf.sub(z, own(z))).reduce((least, z) => tf.minimum(least, z))]
    }
    const surest = tf.argMax(
      tf.concat(
        members.map((z) => own(logSoftmax(z))),
        1,
      ),
      1,
    )
    const chosen = tf.expandDims(tf.oneHot(surest, members.length, 1, 0, 'float32'), 2)
    return [tf.sum(tf.mul(chosen, tf.stack([...members], 1)), 1)]
  },
}

/** So low that its power is 0 beside any other logit. */
const NEVER = -1e30

/**
 * Logarithms of what a row's softmax says of its label and of all other classes together, [B, 1], and of its softmax among
 * the others, [B, K]: very low at the label.
 * @param target one-hot; where it is zero, what is said of the label is 0 too
 */
function decouple(logits: tf.Tensor, target: tf.Tensor): { label: tf.Tensor; rest: tf.Tensor; others: tf.Tensor } {
  const without = tf.add(logits, tf.mul(target, NEVER))
  const all = tf.logSumExp(logits, 1, true)
  const rest = tf.logSumExp(without, 1, true)
  const label = tf.sum(tf.mul(target, tf.sub(logits, all)), 1, true)
  return { label, rest: tf.sub(rest, all), others: tf.sub(without, rest) }
}
