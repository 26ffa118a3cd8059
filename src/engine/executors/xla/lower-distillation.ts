import type { DistillationOps } from '../../graph/ops/distillation.ts'
import { isLabel, rows } from './lower-losses.ts'
import type { LoweringsOf } from './op-lowering.ts'
import { logSoftmax, perRow } from './rows.ts'
import type { Hlo, HloFunction } from './stablehlo.ts'

/** Rows [B, n], all in f32. */
export const DISTILLATION_LOWERINGS: LoweringsOf<keyof DistillationOps> = {
  SharedLinear: ({ hlo, wide, list }) => list('rows').map((x) => hlo.dot(x, wide('weights'), [1, 1])),
  SharedLinearBackpropWeights: ({ hlo, list }) => {
    const all = list('rowsThenGradients')
    const count = all.length / 2
    const gradients = all.slice(count)
    const terms = all.slice(0, count).flatMap((x, place) => {
      const dy = gradients[place]
      return dy === undefined ? [] : [hlo.dot(dy, x, [0, 0])]
    })
    return [terms.reduce((sum, term) => hlo.binary('add', sum, term))]
  },
  RowDots: ({ hlo, wide, list }) => {
    const sums = list('keys').map((key) => {
      const sum = hlo.reduce('add', hlo.binary('multiply', wide('query'), key), [1])
      return hlo.reshape(sum, [sum.shape[0] ?? 0, 1])
    })
    return [hlo.concatenate(sums, 1)]
  },
  // p_j (log p_j - log q_j - sum_k p_k (log p_k - log q_k)).
  KullbackLeiblerTeacherGrad: ({ hlo, wide, attributes }) => {
    const { temperature } = attributes
    const soft = (logits: Hlo) => logSoftmax(hlo, hlo.binary('divide', logits, temperature))
    const [teacher, student] = [soft(wide('teacher')), soft(wide('student'))]
    const ratio = hlo.binary('subtract', teacher, student)
    const shares = hlo.unary('exponential', teacher)
    const divergence = perRow(hlo, hlo.reduce('add', hlo.binary('multiply', shares, ratio), [1]), ratio)
    const factor = hlo.binary('divide', wide('dloss'), temperature * rows(teacher, 'mean'))
    const gradient = hlo.binary('multiply', shares, hlo.binary('subtract', ratio, divergence))
    return [hlo.binary('multiply', gradient, hlo.broadcast(factor, gradient.shape, []))]
  },
  DecoupledKullbackLeibler: ({ hlo, input, wide, attributes }) => {
    const { temperature, target: weight, others } = attributes
    const target = isLabel(hlo, input('labels'), wide('teacher'))
    const [p, q] = [
      decouple(hlo, wide('teacher'), temperature, target),
      decouple(hlo, wide('student'), temperature, target),
    ]
    const terms = (of: keyof Decoupled) =>
      hlo.binary('multiply', hlo.unary('exponential', p[of]), hlo.binary('subtract', p[of], q[of]))
    const ofTarget = hlo.binary('multiply', hlo.binary('add', terms('label'), terms('rest')), weight)
    const ofOthers = hlo.binary('multiply', hlo.reduce('add', terms('others'), [1]), others)
    const counted = hlo.binary('multiply', hlo.binary('add', ofTarget, ofOthers), countedRows(hlo, target))
    return [hlo.binary('divide', hlo.reduce('add', counted, [0]), rows(target, 'mean'))]
  },
  // Of the label: weight (q_y - p_y); of another class: weight q^_j (p_y - q_y) + others (q^_j - p^_j).
  DecoupledKullbackLeiblerGrad: ({ hlo, input, wide, attributes }) => {
    const { temperature, target: weight, others } = attributes
    const target = isLabel(hlo, input('labels'), wide('teacher'))
    const [p, q] = [
      decouple(hlo, wide('teacher'), temperature, target),
      decouple(hlo, wide('student'), temperature, target),
    ]
    const share = (log: Hlo) => hlo.unary('exponential', log)
    const apart = hlo.binary('multiply', hlo.binary('subtract', share(q.label), share(p.label)), weight)
    const difference = perRow(hlo, apart, q.others)
    const ofOthers = hlo.binary('multiply', hlo.binary('subtract', share(q.others), share(p.others)), others)
    const elsewhere = hlo.binary('subtract', ofOthers, hlo.binary('multiply', share(q.others), difference))
    const gradient = hlo.select(target, difference, elsewhere)
    const dloss = hlo.binary('divide', wide('dloss'), temperature * rows(target, 'mean'))
    const counted = countedRows(hlo, target)
    const factor = hlo.binary('multiply', counted, hlo.broadcast(dloss, counted.shape, []))
    return [hlo.binary('multiply', gradient, perRow(hlo, factor, gradient))]
  },
  CollaborativeTarget: ({ hlo, input, list, attributes }) => {
    const members = list('logits')
    const [first, ...rest] = members
    if (first === undefined) throw new Error('Expected logits for a target')
    const target = isLabel(hlo, input('labels'), first)
    const zeros = hlo.constant(0, target.shape)
    const own = (scores: Hlo) => perRow(hlo, hlo.reduce('add', hlo.select(target, scores, zeros), [1]), scores)
    if (attributes.rule === 'min-logit') {
      const relative = members.map((z) => hlo.binary('subtract', z, own(z)))
      return [relative.reduce((least, z) => hlo.binary('minimum', least, z))]
    }
    const rated = (logits: Hlo) => ({ logits, sure: own(logSoftmax(hlo, logits)) })
    const best = rest.map(rated).reduce((known, next) => {
      const surer = hlo.compare('GT', next.sure, known.sure)
      return { logits: hlo.select(surer, next.logits, known.logits), sure: hlo.select(surer, next.sure, known.sure) }
    }, rated(first))
    return [best.logits]
  },
}

/** So low that its power is 0 beside any other logit. */
const NEVER = -1e30

/** Logarithms of what a row's softmax says of its label and of all others together, [B], and of its softmax among the others, [B, K]. */
interface Decoupled {
  readonly label: Hlo
  readonly rest: Hlo
  readonly others: Hlo
}

/** 1 for each row that has a label, [B]. */
function countedRows(hlo: HloFunction, target: Hlo): Hlo {
  return hlo.reduce('add', hlo.select(target, hlo.constant(1, target.shape), hlo.constant(0, target.shape)), [1])
}

function decouple(hlo: HloFunction, scores: Hlo, temperature: number, target: Hlo): Decoupled {
  const logits = hlo.binary('divide', scores, temperature)
  const without = hlo.select(target, hlo.constant(NEVER, logits.shape), logits)
  const [all, rest] = [logSumExp(hlo, logits), logSumExp(hlo, without)]
  const logs = hlo.binary('subtract', logits, perRow(hlo, all, logits))
  return {
    label: hlo.reduce('add', hlo.select(target, logs, hlo.constant(0, logits.shape)), [1]),
    rest: hlo.binary('subtract', rest, all),
    others: hlo.binary('subtract', without, perRow(hlo, rest, logits)),
  }
}

/** [B, K] -> [B]. */
function logSumExp(hlo: HloFunction, logits: Hlo): Hlo {
  const top = hlo.reduce('maximum', logits, [1])
  const powers = hlo.unary('exponential', hlo.binary('subtract', logits, perRow(hlo, top, logits)))
  return hlo.binary('add', top, hlo.unary('log', hlo.reduce('add', powers, [1])))
}
