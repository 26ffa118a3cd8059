import type { RunConfig } from '../config/run-config.ts'
import type { ScalarName } from '../methods/method.ts'
import { distillationWeight, learningRate } from '../step/schedule.ts'

/** How many steps a run has, and what the schedule gives to each. */
export interface Timetable {
  readonly stepsPerEpoch: number
  readonly steps: number
  readonly epochs: number
  learningRate(step: number): number
  /** Value of a program's scalar input at a step. */
  scalar(name: string, step: number): number
}

/** @param stepsPerEpoch whole batches in the training split */
export function planTimetable(config: RunConfig, stepsPerEpoch: number): Timetable {
  const steps = config.steps ?? config.epochs * stepsPerEpoch
  const scalars: Readonly<Record<ScalarName, (step: number) => number>> = {
    learning_rate: (step) => learningRate(config, step, steps),
    distillation_weight: (step) => distillationWeight(config.rampUp, Math.floor(step / stepsPerEpoch)),
  }
  return {
    stepsPerEpoch,
    steps,
    epochs: Math.ceil(steps / stepsPerEpoch),
    learningRate: scalars.learning_rate,
    scalar: (name, step) => {
      if (!isScalarName(name)) throw new Error(`Expected a scalar of the schedule but received ${name}`)
      return scalars[name](step)
    },
  }
}

function isScalarName(name: string): name is ScalarName {
  return name === 'learning_rate' || name === 'distillation_weight'
}
