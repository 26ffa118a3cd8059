import type { CrossEntropyAttributes, LossOps } from '../../graph/ops/losses.ts'
import type { LoweringsOf } from './op-lowering.ts'
import { logSoftmax, perRow, softmax } from './rows.ts'
import type { Hlo, HloFunction } from './stablehlo.ts'

/** Rows [B, K] in f32. A label of -1 equals no class, so its row counts nowhere. */
export const LOSS_LOWERINGS: LoweringsOf<keyof LossOps> = {
  CrossEntropy: ({ hlo, input, wide, attributes }) => {
    const logits = wide('logits')
    const own = crossTerms(hlo, input('labels'), logits, attributes)
    const sum = hlo.unary('negate', hlo.reduce('add', own, [0, 1]))
    return [hlo.binary('divide', sum, rows(logits, attributes.reduction))]
  },
  CrossEntropyGrad: ({ hlo, input, wide, attributes }) => {
    const [dloss, logits] = [wide('dloss'), wide('logits')]
    const { certain, counted } = certainTarget(hlo, input('labels'), logits, attributes)
    const target = smoothed(hlo, certain, counted, attributes)
    const difference = hlo.binary('subtract', hlo.binary('multiply', softmax(hlo, logits), counted), target)
    const factor = hlo.binary('divide', dloss, rows(logits, attributes.reduction))
    return [hlo.binary('multiply', difference, hlo.broadcast(factor, logits.shape, []))]
  },
  KullbackLeibler: ({ hlo, wide, attributes }) => {
    const soft = (logits: Hlo) => logSoftmax(hlo, hlo.binary('divide', logits, attributes.temperature))
    const [teacher, student] = [soft(wide('teacher')), soft(wide('student'))]
    const terms = hlo.binary('multiply', hlo.unary('exponential', teacher), hlo.binary('subtract', teacher, student))
    return [hlo.binary('divide', hlo.reduce('add', terms, [0, 1]), rows(teacher, 'mean'))]
  },
  KullbackLeiblerGrad: ({ hlo, wide, attributes }) => {
    const { temperature } = attributes
    const soft = (logits: Hlo) => softmax(hlo, hlo.binary('divide', logits, temperature))
    const [teacher, student] = [soft(wide('teacher')), soft(wide('student'))]
    const factor = hlo.binary('divide', wide('dloss'), temperature * rows(student, 'mean'))
    const difference = hlo.binary('subtract', student, teacher)
    return [hlo.binary('multiply', difference, hlo.broadcast(factor, student.shape, []))]
  },
  // A class loses to the label's where its logit is smaller, or equal with a higher number. NaN loses to nothing.
  TopKCorrect: ({ hlo, input, wide, attributes }) => {
    const logits = wide('logits')
    const [, classes = 0] = logits.shape
    const [zeros, ones] = [hlo.constant(0, logits.shape), hlo.constant(1, logits.shape)]
    const labels = oneOf(hlo, input('labels'))
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

/** What a sum over all rows is divided by. */
export function rows({ shape }: Hlo, reduction: 'mean' | 'sum'): number {
  return reduction === 'mean' ? (shape[0] ?? 0) : 1
}

/** One at the labels, [B, K]; and for every place whether its row counts. */
function certainTarget(hlo: HloFunction, labels: Hlo, logits: Hlo, { labels: of }: CrossEntropyAttributes) {
  const [zeros, ones] = [hlo.constant(0, logits.shape), hlo.constant(1, logits.shape)]
  const certain = hlo.select(isLabel(hlo, labels, logits, of), ones, zeros)
  return { certain, counted: perRow(hlo, hlo.reduce('add', certain, [1]), logits) }
}

/** (1 - e) certain + e / K. */
function smoothed(hlo: HloFunction, certain: Hlo, counted: Hlo, { smoothing = 0 }: CrossEntropyAttributes): Hlo {
  if (smoothing === 0) return certain
  const everywhere = hlo.binary('multiply', counted, smoothing / (certain.shape[1] ?? 1))
  return hlo.binary('add', hlo.binary('multiply', certain, 1 - smoothing), everywhere)
}

/** target log softmax(z) of every place, [B, K]. */
function crossTerms(hlo: HloFunction, labels: Hlo, logits: Hlo, attributes: CrossEntropyAttributes): Hlo {
  const { smoothing = 0, labels: of } = attributes
  if (smoothing === 0) {
    const zeros = hlo.constant(0, logits.shape)
    return hlo.select(isLabel(hlo, labels, logits, of), logSoftmax(hlo, logits), zeros)
  }
  const { certain, counted } = certainTarget(hlo, labels, logits, attributes)
  return hlo.binary('multiply', smoothed(hlo, certain, counted, attributes), logSoftmax(hlo, logits))
}

/** Whether a place of [B, K] is that of its row's label. */
export function isLabel(hlo: HloFunction, labels: Hlo, logits: Hlo, of?: 'partner'): Hlo {
  return hlo.compare('EQ', hlo.iota(logits.shape, 1), hlo.broadcast(oneOf(hlo, labels, of), logits.shape, [0]))
}

/** The images' own labels or their partners', [B], out of [B] or [2, B]. */
function oneOf(hlo: HloFunction, labels: Hlo, of?: 'partner'): Hlo {
  const [, batch] = labels.shape
  return batch === undefined ? labels : hlo.reshape(hlo.slice(labels, 0, of === 'partner' ? 1 : 0, 1), [batch])
}
