/**
 * Which of a run's checkpoints stay when one more was saved: the last `keep` of the ends of epochs, the last `keep` from
 * within epochs, the one just saved, and the best.
 * @param steps of all checkpoints, ascending, the one just saved among them
 * @param saved step of the one just saved
 * @param best step of the best evaluation, null where there was none
 */
export function keptCheckpoints(
  steps: readonly number[],
  saved: number,
  best: number | null,
  { keep, stepsPerEpoch }: KeepRule,
): Set<number> {
  const ends = steps.filter((step) => step % stepsPerEpoch === 0)
  const within = steps.filter((step) => step % stepsPerEpoch !== 0)
  const kept = [ends, within].flatMap((kind) => kind.slice(-Math.max(1, keep)))
  return new Set([...kept, saved, ...(best === null ? [] : [best])])
}

export interface KeepRule {
  /** Checkpoints of each kind. */
  readonly keep: number
  /** 1 = every checkpoint counts as the end of an epoch. */
  readonly stepsPerEpoch: number
}
