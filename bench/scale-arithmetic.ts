/**
 * A model of training on more machines than this project has run on: a step, the sum of gradients, the input, evaluation.
 * Arithmetic alone. docs/scale.md prints its tables and says what each constant is worth.
 */

/** Where a constant comes from. `measured` names a file of this repository, `assumed` and `published` a reason or source. */
export interface Constant {
  readonly value: number
  readonly unit: string
  readonly kind: 'measured' | 'published' | 'assumed'
  readonly source: string
}

const constant = (value: number, unit: string, kind: Constant['kind'], source: string): Constant => ({
  ...{ value, unit, kind, source },
})

const GPU = 'results/gpu/h200'
const INPUT = 'results/input/crops-224/2026-11-23c-bare-decoders'

export const CONSTANTS = {
  gpuSmallStep: constant(2.206, 'ms', 'measured', `${GPU}: ONE ResNet-32, bf16, batch 128, one H200`),
  hbm: constant(4800, 'GB/s', 'published', 'NVIDIA, H200 data sheet: memory bandwidth'),
  nvlink: constant(450, 'GB/s', 'published', 'NVIDIA, H200 data sheet: NVLink 900 GB/s, both directions together'),
  fabric: constant(50, 'GB/s', 'published', 'NVIDIA, ConnectX-7 data sheet: 400 Gbit/s; one for each GPU'),
  reached: constant(0.8, 'of these', 'assumed', 'what a sum reaches of a link'),
  hop: constant(5, 'us', 'assumed', 'one hop of a sum between GPUs'),
  backward: constant(2 / 3, 'of a step', 'assumed', 'two products of the same size for each of the forward pass'),
  gpusOfHost: constant(8, 'GPUs', 'published', 'NVIDIA, DGX H200 data sheet'),
  coresOfGpuHost: constant(112, 'cores', 'published', 'NVIDIA, DGX H200 data sheet: two processors of 56 cores'),
  decode500: constant(739, 'images/s a core', 'measured', `${INPUT}: 500x375, half of two threads`),
  decode256: constant(2156, 'images/s a core', 'measured', `${INPUT}: short side 256, one thread`),
  cifar: constant(179_120, 'images/s a core', 'measured', `${INPUT}: cifar`),
  message: constant(40, 'us', 'assumed', 'a message of host 0 to a host for each step, and as much for its answer'),
  cpuStep: constant(1204.5, 'ms', 'measured', 'results/step/imagenet-resnet-18: ONE, fp32, batch 32, 2 cores'),
  coresOfCpuHost: constant(64, 'cores', 'assumed', 'a host with two processors; speed in proportion to cores'),
  mesh: constant(4.8 / 3.1, 'GB/s', 'measured', 'docs/hosts.md: 4.8 MB in 3.1 ms, two processes, loopback, one day'),
  ethernet: constant(25 / 8, 'GB/s', 'assumed', '25 Gbit/s Ethernet'),
  transfer: constant(20, 'us', 'assumed', 'system calls of one transfer of the mesh, and the wait for the network'),
  evaluation: constant(4.2, 'x training', 'measured', 'results/step/resnet-32 (fp32-evaluation against fp32), CPU'),
  largestBatch: constant(32_768, 'images', 'published', 'You, Gitman, Ginsburg 2017 (LARS): ResNet-50 trained so'),
} as const

const value = (name: keyof typeof CONSTANTS): number => CONSTANTS[name].value

export const IMAGENET = { train: 1_281_167, test: 50_000 } as const
export const CIFAR = { train: 50_000, test: 10_000 } as const

/** A network's step on one GPU, and what results/compile/h200-x8 counted of it. */
export interface GpuStep {
  readonly name: string
  /** Images a GPU. */
  readonly batch: number
  readonly milliseconds: number
  readonly timeIs: 'measured' | 'least'
  /** Sums over replicas. */
  readonly exchanges: number
  readonly megabytes: number
  /** Of these, with no kernel beside them. */
  readonly aloneMegabytes: number
  readonly dataset: { readonly train: number; readonly test: number }
  /** Images a second that a core decodes. */
  readonly decode: number
}

/** Time that moving the step's megabytes takes at the memory's full speed: no step is faster. */
const leastMilliseconds = (megabytesMoved: number) => megabytesMoved / value('hbm')

const photographs = { dataset: IMAGENET, decode: value('decode256'), timeIs: 'least' } as const

export const GPU_STEPS: readonly GpuStep[] = [
  {
    ...{ name: 'ONE ResNet-32', batch: 128, milliseconds: value('gpuSmallStep'), timeIs: 'measured' },
    ...{ exchanges: 2, megabytes: 5, aloneMegabytes: 1, dataset: CIFAR, decode: value('cifar') },
  },
  {
    ...{ name: 'ONE ResNet-18', batch: 256, milliseconds: leastMilliseconds(26_363), ...photographs },
    ...{ exchanges: 15, megabytes: 118, aloneMegabytes: 2 },
  },
  {
    ...{ name: 'ONE ResNeXt-50', batch: 256, milliseconds: leastMilliseconds(151_176), ...photographs },
    ...{ exchanges: 32, megabytes: 233, aloneMegabytes: 3 },
  },
]

export interface ScaledStep {
  readonly machines: number
  readonly globalBatch: number
  readonly computeMs: number
  readonly sumMs: number
  /** Of the sum, what the backward pass does not hide. */
  readonly exposedMs: number
  /** Of host 0's main thread, beside the step. */
  readonly leaderMs: number
  /** From one step to the next, if the input keeps up. */
  readonly stepMs: number
  /** Images/s against as many machines that do not wait for each other. */
  readonly efficiency: number
  /** Part of the time that training stands still for an evaluation after each epoch, by host 0 alone. */
  readonly evaluationShare: number
  readonly stepsPerEpoch: number
}

/** Host 0 sends a message to each other host and reads one of each, a step. */
const leaderMs = (hosts: number) => (2 * (hosts - 1) * value('message')) / 1000

/** @param hosts that wait while one evaluates @param stepMs @param stretched stepMs over the step alone */
function evaluationShareOf(dataset: GpuStep['dataset'], hosts: number, stretched: number): number {
  const evaluation = dataset.test / value('evaluation')
  const training = (dataset.train / hosts) * stretched
  return evaluation / (evaluation + training)
}

/** A step on so many GPUs, each with the step's batch. @param gpus a multiple of a host's GPUs */
export function stepOnGpus(step: GpuStep, gpus: number): ScaledStep {
  const hosts = Math.max(1, gpus / value('gpusOfHost'))
  const link = (hosts > 1 ? value('fabric') : value('nvlink')) * value('reached')
  // Each GPU sends and receives 2 (N - 1) / N of the vector, as a ring or as two trees (2 log2 N hops).
  const bytesMs = (2 * (gpus - 1) * step.megabytes) / gpus / link
  const hopsMs = (step.exchanges * 2 * Math.ceil(Math.log2(gpus)) * value('hop')) / 1000
  const sumMs = bytesMs + hopsMs
  const aloneMs = (bytesMs * step.aloneMegabytes) / step.megabytes + hopsMs / step.exchanges
  const exposedMs = Math.max(aloneMs, sumMs - value('backward') * step.milliseconds)
  const leader = leaderMs(hosts)
  const stepMs = Math.max(step.milliseconds + exposedMs, leader)
  return {
    ...{ machines: gpus, globalBatch: gpus * step.batch, computeMs: step.milliseconds, sumMs, exposedMs },
    ...{ leaderMs: leader, stepMs, efficiency: step.milliseconds / stepMs },
    evaluationShare: evaluationShareOf(step.dataset, hosts, stepMs / step.milliseconds),
    stepsPerEpoch: Math.floor(step.dataset.train / (gpus * step.batch)),
  }
}

/** Numbers of GPUs from which on something is in the way, each by itself. */
export interface Limits {
  /** The batch is larger than any that is published to train well. */
  readonly batch: number
  /** Host 0 is busy with messages for as long as a step takes. */
  readonly leader: number
  /** Half of the time goes into evaluations by host 0 alone, one after each epoch. */
  readonly evaluation: number
}

export function limitsOf({ batch, milliseconds, dataset }: GpuStep): Limits {
  const gpus = value('gpusOfHost')
  return {
    batch: Math.floor(value('largestBatch') / batch),
    leader: gpus * (1 + (1000 * milliseconds) / (2 * value('message'))),
    evaluation: (gpus * dataset.train * value('evaluation')) / dataset.test,
  }
}

/** Cores of a host of eight GPUs that decoding takes, for images that a core decodes at `decode` a second. */
export function decodeCores({ batch, milliseconds }: GpuStep, decode: number): number {
  return (value('gpusOfHost') * batch * 1000) / milliseconds / decode
}

const CPU_BATCH = 32
const CPU_CORES = 2
/** Weights of ONE ResNet-18 with 1000 classes: `native-ensemble summary imagenet-resnet-18 --dataset imagenet`. */
const CPU_MEGABYTES = (29_503_745 * 4) / 1e6

/** A step of ONE ResNet-18 on so many hosts over the TCP mesh. @param hostBatch images of each host */
export function stepOnHosts(hosts: number, hostBatch: number): ScaledStep {
  const imageMs = (value('cpuStep') * CPU_CORES) / CPU_BATCH / value('coresOfCpuHost')
  const computeMs = hostBatch * imageMs
  const link = Math.min(value('mesh'), value('ethernet'))
  // Each host gives N - 1 shards away, then its own sum to N - 1 others; nothing computes meanwhile.
  const sumMs = 2 * (hosts - 1) * (CPU_MEGABYTES / hosts / link + value('transfer') / 1000)
  const leader = leaderMs(hosts)
  const stepMs = Math.max(computeMs + sumMs, leader)
  return {
    ...{ machines: hosts, globalBatch: hosts * hostBatch, computeMs, sumMs, exposedMs: sumMs, leaderMs: leader },
    ...{ stepMs, efficiency: computeMs / stepMs },
    evaluationShare: evaluationShareOf(IMAGENET, hosts, stepMs / computeMs),
    stepsPerEpoch: Math.floor(IMAGENET.train / (hosts * hostBatch)),
  }
}
