import type { RunConfig } from './run-config.ts'

/** Settings without a fixed default: they follow from others, or from the run folder. */
type Derived = 'recipe' | 'branches' | 'rampUp' | 'out'

/** The paper's settings where it names one (section 4). */
export const DEFAULTS = {
  network: 'resnet-32',
  block: 'auto',
  method: 'one',
  dataset: 'cifar100',
  data: null,
  trainFraction: 1,
  epochs: 300,
  steps: null,
  batch: 128,
  learningRate: 0.1,
  schedule: 'step',
  momentum: 0.9,
  weightDecay: 1e-4,
  temperature: 3,
  precision: 'fp32',
  executor: 'onednn',
  tfjsBackend: 'cpu',
  devices: 'cpu',
  decodeWorkers: 1,
  seed: 1,
  init: null,
  augment: 'standard',
  shuffle: 'epoch',
  logEvery: 20,
  evaluateEvery: 1,
  keep: 2,
} as const satisfies Omit<RunConfig, Derived>

/** What the help says of the settings that have no fixed default. */
export const DERIVED_DEFAULTS = {
  branches: '3 for one, 1 for vanilla',
  rampUp: "the paper's 80 of 300 epochs, in proportion; 0 with --steps",
  out: 'runs/<what is trained>-<number>',
} as const satisfies Partial<Record<Derived, string>>

/** The paper's m = 2 auxiliary branches and the target. */
export function defaultBranches(method: RunConfig['method']): number {
  return method === 'one' ? 3 : 1
}

/** Reference ramp-up of 80 epochs in 300, to the nearest epoch; how many epochs a number of steps is only the images tell. */
export function defaultRampUp(method: RunConfig['method'], epochs: number, steps: number | null): number {
  return method === 'one' && steps === null ? Math.round((epochs * 80) / 300) : 0
}
