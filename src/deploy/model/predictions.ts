/** A class that an image may be of, and how likely it is. */
export interface Prediction {
  readonly label: string
  /** Softmax of the logits. */
  readonly probability: number
  /** Of the class. */
  readonly index: number
}

/** The largest logits as probabilities over all classes, the largest first; ties go to the lower class. */
export function largestClasses(logits: Float32Array, classNames: readonly string[], count: number): Prediction[] {
  const largest = logits.reduce((most, logit) => Math.max(most, logit), Number.NEGATIVE_INFINITY)
  const powers = Array.from(logits, (logit) => Math.exp(logit - largest))
  const sum = powers.reduce((total, power) => total + power, 0)
  return powers
    .map((power, index) => ({ label: classNames[index] ?? `class ${index}`, probability: power / sum, index }))
    .sort((left, right) => right.probability - left.probability || left.index - right.index)
    .slice(0, count)
}
