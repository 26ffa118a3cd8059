import type { RunConfig } from '../../config/run-config.ts'

/** Learning rate falls by this factor at each milestone (paper, section 4: "drops by 0.1 at 50 % and 75 %"). */
const DROP = 0.1
const MILESTONES = [0.5, 0.75] as const

type RateSettings = Pick<RunConfig, 'learningRate' | 'schedule' | 'cosineFloor' | 'warmUp' | 'epochs' | 'snapshots'>

/** Where the warm-up begins, as a part of the rate that it ends at (torchvision's --lr-warmup-decay). */
const COLD = 0.01

export interface RunLength {
  readonly steps: number
  readonly stepsPerEpoch: number
}

/**
 * Learning rate of step `step`, counted from 0; `step` drops are exact in the fraction of the run. The warm-up is
 * torch.optim.lr_scheduler.LinearLR with the schedule behind it (SequentialLR), by steps (Goyal et al., 2017, section 2.2).
 */
export function learningRate(settings: RateSettings, step: number, { steps, stepsPerEpoch }: RunLength): number {
  const warm = settings.warmUp * stepsPerEpoch
  if (step < warm) return settings.learningRate * (COLD + ((1 - COLD) * step) / warm)
  return scheduledRate(settings, step - warm, steps - warm)
}

function scheduledRate(settings: RateSettings, step: number, totalSteps: number): number {
  const { learningRate: base, schedule, cosineFloor: floor } = settings
  const fraction = step / totalSteps
  switch (schedule) {
    case 'constant':
      return base
    case 'cosine':
      return cosine(base, floor, fraction)
    case 'cosine-cycles':
      return cosine(base, floor, fractionOfCycle(settings, (step * settings.epochs) / totalSteps))
    case 'step':
      return base * DROP ** MILESTONES.filter((milestone) => fraction >= milestone).length
  }
}

/** As torch.optim.lr_scheduler.CosineAnnealingLR, whose eta_min is the floor. */
function cosine(base: number, floor: number, fraction: number): number {
  return floor + ((base - floor) * (1 + Math.cos(Math.PI * fraction))) / 2
}

/**
 * Whole epochs after which each of the cycles ends, of equal length where the epochs divide by them: Snapshot Ensemble's
 * cycles (Huang et al., ICLR 2017, equation 2), rounded up to where a run is evaluated.
 */
export function cycleEnds({ epochs, snapshots }: Pick<RunConfig, 'epochs' | 'snapshots'>): number[] {
  return Array.from({ length: snapshots }, (_, cycle) => Math.ceil(((cycle + 1) * epochs) / snapshots))
}

/** How far its cycle is when the run is at `epoch`, whole or not. */
function fractionOfCycle(settings: RateSettings, epoch: number): number {
  const ends = cycleEnds(settings)
  const end = ends.find((candidate) => epoch < candidate) ?? settings.epochs
  const start = ends.findLast((candidate) => candidate <= epoch) ?? 0
  return end > start ? (epoch - start) / (end - start) : 1
}

/** min((e + 1) / R, 1), DKD's warm-up; 1 where R = 0. @param epoch counted from 0 */
export function linearRampUp(rampUp: number, epoch: number): number {
  return rampUp === 0 ? 1 : Math.min((epoch + 1) / rampUp, 1)
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
