import {
  type EpochLine,
  type EvalLine,
  type MetricsLine,
  type StepLine,
  summariseErrors,
} from '../../src/report/metrics.ts'

export const STEPS_PER_EPOCH = 10

export function stepLine(step: number): StepLine {
  const parts = {
    'cross_entropy.0': 2 / step,
    'cross_entropy.1': 3 / step,
    'cross_entropy.teacher': 1 / step,
    distillation: 0.5 / step,
  }
  const epoch = Math.floor((step - 1) / STEPS_PER_EPOCH)
  return { kind: 'step', step, epoch, lr: 0.1, loss: 6.5 / step, parts, images_per_second: 1000 + step }
}

export function epochLine(epoch: number): EpochLine {
  const step = (epoch + 1) * STEPS_PER_EPOCH
  const top1_error = summariseErrors([20 - epoch, 19 - epoch], 18 - epoch)
  return { ...stepLine(step), kind: 'epoch', epoch, seconds: 2, top1_error }
}

export function evalLine(epoch: number): EvalLine {
  return {
    kind: 'eval',
    split: 'test',
    step: (epoch + 1) * STEPS_PER_EPOCH,
    epoch,
    lr: 0.1,
    images: 10000,
    top1_error: summariseErrors([12.5 - epoch, 11.5 - epoch], 10.25 - epoch),
    top5_error: summariseErrors([1, 1.5], 0.75),
    images_per_second: 5000,
  }
}

/** All lines of a run of some epochs. */
export function madeUpRun(epochs: number): MetricsLine[] {
  return Array.from({ length: epochs }, (_, epoch) => [
    ...Array.from({ length: STEPS_PER_EPOCH }, (_, index) => stepLine(epoch * STEPS_PER_EPOCH + index + 1)),
    epochLine(epoch),
    evalLine(epoch),
  ]).flat()
}
