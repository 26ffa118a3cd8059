/** LAMB and LARS as their papers write them, in double precision, one layer a tensor. */

export interface Layer {
  readonly weights: number[]
  /** Of each weight; both are zero at the start. */
  readonly first: number[]
  readonly second: number[]
  /** Whether the layer's step is adapted to its length. */
  readonly adapted: boolean
}

const norm = (values: readonly number[]) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0))

/** Algorithm 2 of arXiv:1904.00962 with phi(z) = z, step `t` from 1. */
export function lambStep(
  { weights, first: m, second: v, adapted }: Layer,
  gradient: readonly number[],
  settings: { rate: number; t: number; beta1: number; beta2: number; epsilon: number; weightDecay: number },
): void {
  const { rate, t, beta1, beta2, epsilon, weightDecay } = settings
  const step = weights.map((x, i) => {
    const g = gradient[i] ?? Number.NaN
    m[i] = beta1 * (m[i] ?? 0) + (1 - beta1) * g
    v[i] = beta2 * (v[i] ?? 0) + (1 - beta2) * g * g
    const mHat = m[i] / (1 - beta1 ** t)
    const vHat = v[i] / (1 - beta2 ** t)
    return mHat / (Math.sqrt(vHat) + epsilon) + weightDecay * x
  })
  const [length, stepLength] = [norm(weights), norm(step)]
  const ratio = adapted && length > 0 && stepLength > 0 ? length / stepLength : 1
  step.forEach((change, i) => {
    weights[i] = (weights[i] ?? 0) - rate * ratio * change
  })
}

/** Algorithm 1 of arXiv:1708.03888 with its equation 6. */
export function larsStep(
  { weights, first: v, adapted }: Layer,
  gradient: readonly number[],
  settings: { rate: number; momentum: number; weightDecay: number; trustCoefficient: number },
): void {
  const { rate, momentum, weightDecay, trustCoefficient } = settings
  const [length, slope] = [norm(weights), norm(gradient)]
  const local = adapted && length > 0 && slope > 0 ? (trustCoefficient * length) / (slope + weightDecay * length) : 1
  weights.forEach((w, i) => {
    v[i] = momentum * (v[i] ?? 0) + rate * local * ((gradient[i] ?? Number.NaN) + weightDecay * w)
    weights[i] = w - v[i]
  })
}
