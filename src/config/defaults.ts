import type { RunConfig } from './run-config.ts'

/** Settings without a fixed default: they follow from others, or from the run folder. */
type Derived = 'recipe' | 'branches' | 'peers' | 'teacherNetwork' | 'snapshots' | 'rampUp' | 'out'

/**
 * The paper's settings where it names one (section 4). It does not say what weight its KD has: 0.9 is that of Zagoruyko and
 * Komodakis ("Paying More Attention to Attention", ICLR 2017, section 4.1), which later comparisons took over.
 */
export const DEFAULTS = {
  scale: 1,
  network: 'resnet-32',
  block: 'auto',
  method: 'one',
  distill: 'on',
  share: 'low',
  gate: 'learned',
  teacher: null,
  teacherBlock: 'auto',
  alpha: 0.9,
  dataset: 'cifar100',
  data: null,
  inputStd: null,
  imageSize: null,
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
  pjrtPlugin: null,
  // What cuDNN, cuBLAS and the CUDA context take lies beside it.
  gpuMemoryFraction: 0.9,
  gpuPreallocate: 'off',
  tfjsBackend: 'cpu',
  devices: 'cpu',
  hosts: 1,
  decodeWorkers: 1,
  seed: 1,
  init: null,
  augment: 'standard',
  colourJitter: 0,
  pcaLighting: 0,
  randomErasing: 0,
  mixup: 0,
  cutmix: 0,
  shuffle: 'epoch',
  logEvery: 20,
  evaluateEvery: 1,
  checkpointMinutes: 15,
  checkpointSteps: 0,
  keep: 2,
} as const satisfies Omit<RunConfig, Derived>

/** What the help says of the settings that have no fixed default. */
export const DERIVED_DEFAULTS = {
  branches: '3 for one',
  peers: '2 for dml, 3 for ensemble',
  teacherNetwork: 'resnet-110 where it is to be trained',
  snapshots: '5 for snapshot',
  rampUp: "the paper's 80 of 300 epochs, in proportion; 0 with --steps",
  out: 'runs/<what is trained>-<number>',
} as const satisfies Partial<Record<Derived, string>>

/**
 * What a method's own settings are where the run has another method, and in the files of runs that were made before there
 * were such settings.
 */
export const WITHOUT_METHOD = {
  branches: 1,
  distill: 'on',
  share: 'low',
  gate: 'learned',
  peers: '1',
  teacher: null,
  teacherNetwork: null,
  teacherBlock: 'auto',
  alpha: DEFAULTS.alpha,
  snapshots: 1,
} as const satisfies Partial<RunConfig>

/** Teacher of the paper's table 3. */
const TEACHER_NETWORK = 'resnet-110'

/** Settings of a method whose value follows from the method; others as in WITHOUT_METHOD. */
const OF_METHOD = {
  vanilla: {},
  // The paper's m = 2 auxiliary branches and the target.
  one: { branches: 3 },
  kd: {},
  dml: { peers: '2' },
  // Huang et al. (ICLR 2017) take 5 cycles on CIFAR with ResNets, and the paper's test cost is that of 5 networks.
  snapshot: { snapshots: 5 },
  ensemble: { peers: '3' },
} as const satisfies Record<RunConfig['method'], Partial<RunConfig>>

export function isMethod(name: unknown): name is RunConfig['method'] {
  return typeof name === 'string' && Object.hasOwn(OF_METHOD, name)
}

/** @param teacher where the teacher of kd comes from: its run says which network it is */
export function methodDefaults(
  method: RunConfig['method'],
  teacher: unknown,
): Pick<RunConfig, 'branches' | 'peers' | 'teacherNetwork' | 'snapshots'> {
  const { branches, peers, snapshots } = { ...WITHOUT_METHOD, ...OF_METHOD[method] }
  const teacherNetwork = method === 'kd' && teacher === null ? TEACHER_NETWORK : null
  return { branches, peers, teacherNetwork, snapshots }
}

/** Reference ramp-up of 80 epochs in 300, to the nearest epoch; how many epochs a number of steps is only the images tell. */
export function defaultRampUp(method: RunConfig['method'], epochs: number, steps: number | null): number {
  return method === 'one' && steps === null ? Math.round((epochs * 80) / 300) : 0
}
