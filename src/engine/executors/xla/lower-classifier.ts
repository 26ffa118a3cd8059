import type { ClassifierOps } from '../../graph/ops/classifier.ts'
import type { LoweringsOf } from './op-lowering.ts'
import { logSoftmax, perRow, softmax } from './rows.ts'
import type { Hlo, HloFunction } from './stablehlo.ts'

/** Rows [B, n], all in f32. */
export const CLASSIFIER_LOWERINGS: LoweringsOf<keyof ClassifierOps> = {
  Linear: ({ hlo, wide }) => {
    const product = hlo.dot(wide('x'), wide('weights'), [1, 1])
    return [hlo.binary('add', product, hlo.broadcast(wide('bias'), product.shape, [1]))]
  },
  LinearBackpropInput: ({ hlo, wide }) => [hlo.dot(wide('dy'), wide('weights'), [1, 0])],
  LinearBackpropWeights: ({ hlo, wide }) => [
    hlo.dot(wide('dy'), wide('x'), [0, 0]),
    hlo.reduce('add', wide('dy'), [0]),
  ],
  Softmax: ({ hlo, wide }) => [softmax(hlo, wide('x'))],
  SoftmaxGrad: ({ hlo, wide }) => {
    const weighted = hlo.binary('multiply', wide('dy'), wide('y'))
    const sums = perRow(hlo, hlo.reduce('add', weighted, [1]), weighted)
    return [hlo.binary('subtract', weighted, hlo.binary('multiply', wide('y'), sums))]
  },
  GatedSum: ({ hlo, wide, list }) => {
    const gate = wide('gate')
    const terms = list('logits').map((logits, branch) =>
      hlo.binary('multiply', logits, column(hlo, gate, branch, logits)),
    )
    return [combined(hlo, 'add', terms)]
  },
  GatedSumGrad: ({ hlo, wide, list }) => {
    const [dteacher, gate] = [wide('dteacher'), wide('gate')]
    const dgate = list('logits').map((logits) => {
      const sum = hlo.reduce('add', hlo.binary('multiply', dteacher, logits), [1])
      return hlo.reshape(sum, [sum.shape[0] ?? 0, 1])
    })
    const shares = list('logits').map((_, branch) =>
      hlo.binary('multiply', dteacher, column(hlo, gate, branch, dteacher)),
    )
    return [hlo.concatenate(dgate, 1), ...shares]
  },
  Average: ({ hlo, list }) => {
    const members = list('members')
    return [hlo.binary('divide', combined(hlo, 'add', members), members.length)]
  },
  AverageGrad: ({ hlo, wide, attributes }) => [hlo.binary('divide', wide('dy'), attributes.count)],
  LogMeanProbability: ({ hlo, list }) => {
    const logs = list('logits').map((logits) => logSoftmax(hlo, logits))
    const top = combined(hlo, 'maximum', logs)
    const powers = logs.map((log) => hlo.unary('exponential', hlo.binary('subtract', log, top)))
    const mean = hlo.binary('divide', combined(hlo, 'add', powers), logs.length)
    return [hlo.binary('add', top, hlo.unary('log', mean))]
  },
}

/** Elementwise over all, from the first on. */
function combined(hlo: HloFunction, op: 'add' | 'maximum', terms: readonly Hlo[]): Hlo {
  return terms.reduce((sum, term) => hlo.binary(op, sum, term))
}

/** Column of [B, m] along the rows of [B, n]. */
function column(hlo: HloFunction, matrix: Hlo, place: number, like: Hlo): Hlo {
  return perRow(hlo, hlo.reshape(hlo.slice(matrix, 1, place, 1), [matrix.shape[0] ?? 0]), like)
}
