import type { LoweringsOf } from './op-lowering.ts'
import type { Hlo, HloFunction } from './stablehlo.ts'

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
  | 'CrossEntropy'
  | 'CrossEntropyGrad'
  | 'KullbackLeibler'
  | 'KullbackLeiblerGrad'
  | 'TopKCorrect'

/** Rows [B, n] and losses, all in f32. A label of -1 equals no class, so its row counts nowhere. */
export const CLASSIFIER_LOWERINGS: LoweringsOf<ClassifierOp> = {
  Linear: ({ hlo, wide }) => {
    const product = hlo.dot(wide(0), wide(1), [1, 1])
    return [hlo.binary('add', product, hlo.broadcast(wide(2), product.shape, [1]))]
  },
  LinearBackpropInput: ({ hlo, wide }) => [hlo.dot(wide(0), wide(1), [1, 0])],
  LinearBackpropWeights: ({ hlo, wide }) => [hlo.dot(wide(1), wide(0), [0, 0]), hlo.reduce('add', wide(1), [0])],
  Softmax: ({ hlo, wide }) => [softmax(hlo, wide(0))],
  SoftmaxGrad: ({ hlo, wide }) => {
    const weighted = hlo.binary('multiply', wide(0), wide(1))
    const sums = perRow(hlo, hlo.reduce('add', weighted, [1]), weighted)
    return [hlo.binary('subtract', weighted, hlo.binary('multiply', wide(1), sums))]
  },
  GatedSum: ({ hlo, inputs, wide }) => {
    const gate = wide(0)
    const terms = inputs.slice(1).map((_, branch) => {
      const logits = wide(branch + 1)
      return hlo.binary('multiply', logits, column(hlo, gate, branch, logits))
    })
    return [combined(hlo, 'add', terms)]
  },
  GatedSumGrad: ({ hlo, inputs, wide }) => {
    const [dteacher, gate] = [wide(0), wide(1)]
    const branches = inputs.length - 2
    const dgate = Array.from({ length: branches }, (_, branch) => {
      const sum = hlo.reduce('add', hlo.binary('multiply', dteacher, wide(branch + 2)), [1])
      return hlo.reshape(sum, [sum.shape[0] ?? 0, 1])
    })
    const shares = Array.from({ length: branches }, (_, branch) =>
      hlo.binary('multiply', dteacher, column(hlo, gate, branch, dteacher)),
    )
    return [hlo.concatenate(dgate, 1), ...shares]
  },
  Average: ({ hlo, inputs, wide }) => [
    hlo.binary(
      'divide',
      combined(
        hlo,
        'add',
        inputs.map((_, place) => wide(place)),
      ),
      inputs.length,
    ),
  ],
  AverageGrad: ({ hlo, wide, attributes }) => [hlo.binary('divide', wide(0), attributes.count)],
  LogMeanProbability: ({ hlo, inputs, wide }) => {
    const logs = inputs.map((_, place) => logSoftmax(hlo, wide(place)))
    const top = combined(hlo, 'maximum', logs)
    const powers = logs.map((log) => hlo.unary('exponential', hlo.binary('subtract', log, top)))
    const mean = hlo.binary('divide', combined(hlo, 'add', powers), inputs.length)
    return [hlo.binary('add', top, hlo.unary('log', mean))]
  },
  CrossEntropy: ({ hlo, input, wide, attributes }) => {
    const logits = wide(0)
    const zeros = hlo.constant(0, logits.shape)
    const own = hlo.select(isLabel(hlo, input(1), logits, attributes.labels), logSoftmax(hlo, logits), zeros)
    const sum = hlo.unary('negate', hlo.reduce('add', own, [0, 1]))
    return [hlo.binary('divide', sum, rows(logits, attributes.reduction))]
  },
  CrossEntropyGrad: ({ hlo, input, wide, attributes }) => {
    const [dloss, logits] = [wide(0), wide(1)]
    const [zeros, ones] = [hlo.constant(0, logits.shape), hlo.constant(1, logits.shape)]
    const target = hlo.select(isLabel(hlo, input(2), logits, attributes.labels), ones, zeros)
    const counted = perRow(hlo, hlo.reduce('add', target, [1]), logits)
    const difference = hlo.binary('subtract', hlo.binary('multiply', softmax(hlo, logits), counted), target)
    const factor = hlo.binary('divide', dloss, rows(logits, attributes.reduction))
    return [hlo.binary('multiply', difference, hlo.broadcast(factor, logits.shape, []))]
  },
  KullbackLeibler: ({ hlo, wide, attributes }) => {
    const [teacher, student] = [0, 1].map((place) =>
      logSoftmax(hlo, hlo.binary('divide', wide(place), attributes.temperature)),
    )
    if (teacher === undefined || student === undefined) throw new Error('Expected a teacher and a student')
    const terms = hlo.binary('multiply', hlo.unary('exponential', teacher), hlo.binary('subtract', teacher, student))
    return [hlo.binary('divide', hlo.reduce('add', terms, [0, 1]), rows(teacher, 'mean'))]
  },
  KullbackLeiblerGrad: ({ hlo, wide, attributes }) => {
    const { temperature } = attributes
    const [teacher, student] = [1, 2].map((place) => softmax(hlo, hlo.binary('divide', wide(place), temperature)))
    if (teacher === undefined || student === undefined) throw new Error('Expected a teacher and a student')
    const factor = hlo.binary('divide', wide(0), temperature * rows(student, 'mean'))
    const difference = hlo.binary('subtract', student, teacher)
    return [hlo.binary('multiply', difference, hlo.broadcast(factor, student.shape, []))]
  },
  // A class loses to the label's where its logit is smaller, or equal with a higher number. NaN loses to nothing.
  TopKCorrect: ({ hlo, input, wide, attributes }) => {
    const logits = wide(0)
    const [, classes = 0] = logits.shape
    const [zeros, ones] = [hlo.constant(0, logits.shape), hlo.constant(1, logits.shape)]
    const labels = oneOf(hlo, input(1))
    const target = isLabel(hlo, labels, logits)
    const own = perRow(hlo, hlo.reduce('add', hlo.select(target, logits, zeros), [1]), logits)
    const higher = hlo.compare('GT', hlo.iota(logits.shape, 1), hlo.broadcast(labels, logits.shape, [0]))
    const ties = hlo.logical('and', hlo.compare('EQ', logits, own), higher)
    const loses = hlo.logical('or', hlo.compare('LT', logits, own), ties)
    const losers = hlo.reduce('add', hlo.select(loses, ones, zeros), [1])
    const counted = hlo.reduce('add', hlo.select(target, ones, zeros), [1])
    const enough = hlo.compare('GE', losers, hlo.constant(classes - attributes.k, losers.shape))
    return [hlo.reduce('add', hlo.select(enough, counted, hlo.constant(0, losers.shape)), [0])]
  },
}

/** Elementwise over all, from the first on. */
function combined(hlo: HloFunction, op: 'add' | 'maximum', terms: readonly Hlo[]): Hlo {
  return terms.reduce((sum, term) => hlo.binary(op, sum, term))
}

function rows({ shape }: Hlo, reduction: 'mean' | 'sum'): number {
  return reduction === 'mean' ? (shape[0] ?? 0) : 1
}

/** A vector [B] along the rows of [B, n]. */
function perRow(hlo: HloFunction, vector: Hlo, like: Hlo): Hlo {
  return hlo.broadcast(vector, like.shape, [0])
}

/** Column of [B, m] along the rows of [B, n]. */
function column(hlo: HloFunction, matrix: Hlo, place: number, like: Hlo): Hlo {
  return perRow(hlo, hlo.reshape(hlo.slice(matrix, 1, place, 1), [matrix.shape[0] ?? 0]), like)
}

/** Whether a place of [B, K] is that of its row's label. */
function isLabel(hlo: HloFunction, labels: Hlo, logits: Hlo, of?: 'partner'): Hlo {
  return hlo.compare('EQ', hlo.iota(logits.shape, 1), hlo.broadcast(oneOf(hlo, labels, of), logits.shape, [0]))
}

/** The images' own labels or their partners', [B], out of [B] or [2, B]. */
function oneOf(hlo: HloFunction, labels: Hlo, of?: 'partner'): Hlo {
  const [, batch] = labels.shape
  return batch === undefined ? labels : hlo.reshape(hlo.slice(labels, 0, of === 'partner' ? 1 : 0, 1), [batch])
}

/** z - max z of each row. */
function shifted(hlo: HloFunction, logits: Hlo): Hlo {
  return hlo.binary('subtract', logits, perRow(hlo, hlo.reduce('maximum', logits, [1]), logits))
}

function softmax(hlo: HloFunction, logits: Hlo): Hlo {
  const powers = hlo.unary('exponential', shifted(hlo, logits))
  return hlo.binary('divide', powers, perRow(hlo, hlo.reduce('add', powers, [1]), logits))
}

function logSoftmax(hlo: HloFunction, logits: Hlo): Hlo {
  const z = shifted(hlo, logits)
  const sums = hlo.unary('log', hlo.reduce('add', hlo.unary('exponential', z), [1]))
  return hlo.binary('subtract', z, perRow(hlo, sums, logits))
}
