import type { RunConfig } from '../../config/run-config.ts'
import { drawMixing } from '../../data/input/mixing.ts'
import type { ScalarName } from '../../engine/methods/method.ts'
import { findOptimizer } from '../../engine/optimizers/registry.ts'
import { rateFactorOf } from '../../engine/step/training-program.ts'
import { distillationWeight, learningRate, linearRampUp } from './schedule.ts'

/** How many steps a run has, and what the schedule gives to each. */
export interface Timetable {
  readonly stepsPerEpoch: number
  readonly steps: number
  readonly epochs: number
  learningRate(step: number): number
  /** Value of a program's scalar input at a step. */
  scalar(name: string, step: number): number
}

/**
 * @param stepsPerEpoch whole batches in the training split
 * @param size of the network's input
 */
export function planTimetable(
  config: RunConfig,
  stepsPerEpoch: number,
  size: { readonly height: number; readonly width: number },
): Timetable {
  const steps = config.steps ?? config.epochs * stepsPerEpoch
  const ownShare = (step: number) =>
    drawMixing(config, size, config.seed, Math.floor(step / stepsPerEpoch), step % stepsPerEpoch)?.share ?? 1
  const scalars: Readonly<Record<ScalarName, (step: number) => number>> = {
    learning_rate: (step) => learningRate(config, step, { steps, stepsPerEpoch }),
    distillation_weight: (step) => distillationWeight(config.rampUp, Math.floor(step / stepsPerEpoch)),
    linear_ramp_up: (step) => linearRampUp(config.rampUp, Math.floor(step / stepsPerEpoch)),
    own_share: ownShare,
    partner_share: (step) => 1 - ownShare(step),
  }
  const optimizerScalars = findOptimizer(config).scalars
  return {
    stepsPerEpoch,
    steps,
    epochs: Math.ceil(steps / stepsPerEpoch),
    learningRate: scalars.learning_rate,
    scalar: (name, step) => {
      const ofOptimizer = optimizerScalars[name]
      if (ofOptimizer !== undefined) return ofOptimizer(step + 1)
      const factor = rateFactorOf(name)
      if (factor !== null) return factor * scalars.learning_rate(step)
      if (!isScalarName(name)) throw new Error(`Expected a scalar of the schedule but received ${name}`)
      return scalars[name](step)
    },
  }
}

const SCALAR_NAMES: readonly ScalarName[] = [
  'learning_rate',
  'distillation_weight',
  'linear_ramp_up',
  'own_share',
  'partner_share',
]

function isScalarName(name: string): name is ScalarName {
  return SCALAR_NAMES.some((known) => known === name)
}
