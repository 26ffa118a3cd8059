import { UserFault } from '../../vocabulary/fault.ts'
import { findNotFinite } from '../checkpoint/state-tensors.ts'
import type { RunningRun } from './running-run.ts'

/**
 * The last update of an epoch has no loss behind it that would show its harm, and must not become a checkpoint.
 * @throws UserFault where a weight, an optimizer's state or a running average is not finite
 */
export function refuseDivergence({ prepared, progress, timetable }: RunningRun): void {
  const wrong = findNotFinite(prepared.step.layout, prepared.state)
  if (wrong === null) return
  const what = `finite elements of ${wrong.tensor}`
  throw diverged(what, progress.step, wrong.element, timetable.learningRate(progress.step - 1))
}

/** @param learningRate of the step */
export function diverged(what: string, step: number, received: number, learningRate: number): UserFault {
  return new UserFault(
    `Expected ${what} for step ${step} but received ${received}.`,
    `Training diverged: start anew with a smaller --lr (this step's was ${learningRate}). Earlier checkpoints are intact.`,
  )
}
