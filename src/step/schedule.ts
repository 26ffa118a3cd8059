import type { RunConfig } from '../config/run-config.ts'

/** Learning rate falls by this factor at each milestone (paper, section 4: "drops by 0.1 at 50 % and 75 %"). */
const DROP = 0.1
const MILESTONES = [0.5, 0.75] as const

/** Learning rate of step `step` of `totalSteps`; `step` drops are exact in the fraction of the run. */
export function learningRate(
  { learningRate: base, schedule }: Pick<RunConfig, 'learningRate' | 'schedule'>,
  step: number,
  totalSteps: number,
): number {
  const fraction = step / totalSteps
  switch (schedule) {
    case 'constant':
      return base
    case 'cosine':
    case 'cosine-cycles':
      return (base * (1 + Math.cos(Math.PI * fraction))) / 2
    case 'step':
      return base * DROP ** MILESTONES.filter((milestone) => fraction >= milestone).length
  }
}

/**
 * Weight of the distillation term, w(e) = exp(-5 (1 - min(e, R) / R)^2) (reference.md, "Objective"; the ramp-up of
 * Laine and Aila's temporal ensembling). 1 where R = 0.
 * @param epoch counted from 0
 */
export function distillationWeight(rampUp: number, epoch: number): number {
  if (rampUp === 0) return 1
  return Math.exp(-5 * (1 - Math.min(epoch, rampUp) / rampUp) ** 2)
}
