/** Everything that a run works with while it trains or evaluates: images, programs, state, threads. */

import { totalmem } from 'node:os'
import { parseDevices } from '../../config/devices.ts'
import { checkParameterChoices } from '../../config/parameter-choices.ts'
import type { RunConfig } from '../../config/run-config.ts'
import { specifyStep } from '../../config/specification.ts'
import type { DatasetDescription, LoadedDataset } from '../../data/datasets/dataset.ts'
import { describeDataset } from '../../data/datasets/describe-dataset.ts'
import type { SlotRing } from '../../data/input/batch-source.ts'
import { type ChosenAugmentation, findAugmentation } from '../../data/input/find-augmentation.ts'
import { jpegDecoderHere } from '../../data/input/image-writers.ts'
import { InputPipeline } from '../../data/input/pipeline.ts'
import { planRing } from '../../data/input/ring-plan.ts'
import { createSlotRing } from '../../data/input/slot-ring.ts'
import type { TrainingNoise } from '../../data/input/training-noise.ts'
import { createExecutor, type ExecutorChoice } from '../../engine/executors/executor-choice.ts'
import type { XlaHosts } from '../../engine/executors/xla/open-client.ts'
import type { Program } from '../../engine/graph/program.ts'
import type { StepSpecification } from '../../engine/step/capture.ts'
import { captureEvaluation } from '../../engine/step/evaluation-program.ts'
import { captureTrainingStep, type TrainingStep } from '../../engine/step/training-program.ts'
import { addonAbsence } from '../../vocabulary/addon-file.ts'
import type { SlotIndex } from '../../vocabulary/counts.ts'
import type { HostLeader } from '../hosts/host-leader.ts'
import { ALONE, type HostLinks, type HostShare } from '../hosts/host-links.ts'
import { stateDigest } from '../hosts/state-digest.ts'
import type { ProgramName } from '../replicas/messages.ts'
import { ReplicaGroup, type StartedRun } from '../replicas/replica-group.ts'
import { loadImages } from './load-images.ts'

/** Slots beside those that decode workers fill and those that are with the replicas. */
const SLOTS_IN_HAND = 2

/** Programs and state of a run, before its images are there. */
export interface PlannedRun {
  readonly config: RunConfig
  /** This host's part of each batch. */
  readonly share: HostShare
  /** How many of this host share a step. */
  readonly replicas: number
  readonly specification: StepSpecification
  readonly step: TrainingStep
  readonly evaluation: Program
  /** Flat state by `step.layout`, zeroed. */
  readonly state: SharedArrayBuffer
  readonly ring: SlotRing
  readonly executor: ExecutorChoice
  readonly augmentation: ChosenAugmentation
}

/** A run before any of its threads is started. */
export interface PreparedRun extends PlannedRun {
  readonly dataset: LoadedDataset
}

/**
 * Captures the programs.
 * @param known description of the images (default: what the configuration names)
 * @throws UserFault for what the configuration does not fit, or this machine cannot run
 */
export async function planRun(
  config: RunConfig,
  links: HostLinks | null,
  known: DatasetDescription | null = null,
): Promise<PlannedRun> {
  const share = links ?? ALONE
  const { decodeWorkers } = config
  const batch = config.batch / share.hosts
  const description = known ?? (await describeDataset(config))
  const { replicas } = parseDevices(config.devices)
  const specification = specifyStep(config, description, replicas * share.hosts)
  const step = captureTrainingStep(specification)
  checkParameterChoices(config, step.parameters)
  const evaluation = captureEvaluation(specification, { logits: true })
  const choice = executorChoice(config, links)
  const executor = await createExecutor(choice)
  const augmentation = await findAugmentation(config.augment)
  executor.check(step.program)
  const { height, width } = description
  const channels = description.channels * (specification.method.views ?? 1)
  const { slots } = planRing({
    ...{ batch, height, width, channels, decodeWorkers },
    inHand: SLOTS_IN_HAND + (executor.stepsAhead ?? 2),
    memory: Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY),
  })
  const ring = createSlotRing({ slots, batch, height, width, channels })
  const state = new SharedArrayBuffer(4 * step.layout.elements)
  return { config, share, replicas, specification, step, evaluation, state, ring, executor: choice, augmentation }
}

/** Captures the programs and loads the images. @throws UserFault as beginRun */
export async function prepareRun(config: RunConfig, images = loadImages(config)): Promise<PreparedRun> {
  return { ...(await planRun(config, null)), dataset: await images }
}

/** A run whose replicas compile, or have compiled. */
export interface BegunRun {
  readonly prepared: PreparedRun
  /** To be stopped by whom it is given to. */
  readonly replicas: ReplicaGroup
}

/**
 * While the images are read: captures the programs, lets the replicas compile and fills the state; none of these waits
 * for another. Nothing is written.
 * @param images what loadImages gave, begun as early as can be
 * @param first the program that will run first
 * @param fill gives the state its values
 * @param links to the other hosts, null where it trains alone
 * @throws UserFault for what the configuration and the files do not fit, and where the executor does not work here
 */
export async function beginRun(
  config: RunConfig,
  images: Promise<LoadedDataset>,
  first: ProgramName,
  fill: (step: TrainingStep, state: SharedArrayBuffer) => Promise<void>,
  links: HostLinks | null = null,
): Promise<BegunRun> {
  const plan = await planRun(config, links)
  const replicas = await startReplicas(plan, first)
  try {
    await fill(plan.step, plan.state)
    return { prepared: { ...plan, dataset: await images }, replicas }
  } catch (error) {
    await replicas.stop()
    throw error
  }
}

/** Threads that compile at once. @param first the program that will run first */
export function startReplicas(
  { executor, replicas, step, evaluation, state, ring }: PlannedRun,
  first: ProgramName,
): Promise<ReplicaGroup> {
  return ReplicaGroup.start({
    executor,
    replicas,
    programs: { train: step.program, evaluate: evaluation },
    first,
    layout: step.layout,
    state,
    ring,
  })
}

/** The threads of a run. */
export interface Session {
  readonly pipeline: InputPipeline
  readonly replicas: ReplicaGroup
  /** Opens an epoch's training images, on all hosts. */
  openEpoch(epoch: number, firstBatch: number): void
  /** One training step on all hosts: the slot is this host's, the outputs are of each replica of each host. */
  trainStep(slot: SlotIndex, scalars: readonly number[]): StartedRun
  /** Asks for the outputs of all steps so far where they stay on the devices. */
  fetchOutputs(): void
  close(): Promise<void>
}

/**
 * Starts the decode workers, and the replicas where they are not running already.
 * @param hosts leads the other hosts of the run, null where there are none and on those others
 * @throws UserFault where the executor does not work here
 */
export async function openSession(
  prepared: PreparedRun,
  begun: ReplicaGroup | null = null,
  hosts: HostLeader | null = null,
): Promise<Session> {
  const { config, dataset, ring, share } = prepared
  const { decodeWorkers, seed } = config
  const { batch } = ring.geometry
  const noise = noiseOf(config, dataset.description.mean)
  const { base: augment, module: augmentation } = prepared.augmentation
  const { slots } = ring.geometry
  const pipeline = new InputPipeline({ dataset, batch, slots, decodeWorkers, seed, ring, noise, augmentation })
  try {
    const replicas = begun ?? (await startReplicas(prepared, 'train'))
    return {
      pipeline,
      replicas,
      openEpoch: (epoch, firstBatch) => {
        const { shuffle, repeatedAugmentation: repeats } = config
        const own = augmentation !== null
        pipeline.open({ split: 'train', epoch, augment, own, shuffle, repeats, firstBatch, partial: 'drop', share })
        hosts?.openPass(epoch, firstBatch)
      },
      trainStep: (slot, scalars) => stepOnHosts(replicas, hosts, slot, scalars),
      fetchOutputs: () => {
        replicas.fetch()
        if (replicas.keepsOutputs) hosts?.fetch()
      },
      close: async () => {
        hosts?.endRun(stateDigest(config, prepared.state))
        // First the input: a replica that waits for a slot is told that none will come.
        await pipeline.close()
        await replicas.stop()
      },
    }
  } catch (error) {
    await pipeline.close()
    throw error
  }
}

/** Outputs of this host's replicas, then of the other hosts'. Both fail with what ended the run, wherever that was. */
function stepOnHosts(
  replicas: ReplicaGroup,
  hosts: HostLeader | null,
  slot: SlotIndex,
  scalars: readonly number[],
): StartedRun {
  const own = replicas.start('train', slot, scalars)
  if (hosts === null) return own
  const explained = async <T>(part: Promise<T>): Promise<T> => {
    try {
      return await part
    } catch (error) {
      throw await hosts.explain(error)
    }
  }
  const outputs = explained(Promise.all([own.outputs, hosts.step(scalars)])).then((ofHosts) => ofHosts.flat())
  const read = explained(own.read)
  // As the group's own: nobody has to wait for both.
  for (const part of [read, outputs]) part.catch(() => undefined)
  return { read, outputs }
}

/** What decodes image files and into how much memory; nothing for small images in memory. */
export function inputNotices({ config, dataset, ring }: PreparedRun): string[] {
  if (dataset.train.storage === 'pixels') return []
  const { slots, batch } = ring.geometry
  const megabytes = Math.round(ring.pixels.byteLength / 1e6)
  return [
    `images are decoded by ${jpegDecoderHere()}, ${config.decodeWorkers} threads, into a ring of ${slots} batches of ${batch}: ${megabytes} MB`,
  ]
}

/** What computes in place of the compiled kernels where there are none for this machine. */
export function executorNotices({ executor, tfjsBackend }: RunConfig): string[] {
  const absence = executor === 'tfjs' && tfjsBackend === 'cpu' ? addonAbsence('one') : null
  if (absence === null) return []
  return [
    `training in JavaScript (executor tfjs), many times slower than compiled kernels: there are none for this machine, as ${absence}. ` +
      'With g++ they are compiled here: npx native-ensemble setup',
  ]
}

function noiseOf(config: RunConfig, mean: readonly number[]): TrainingNoise {
  const { augmentPolicy, augmentMagnitude, augmentOps, colourJitter, pcaLighting, randomErasing, mixup, cutmix } =
    config
  const erasedTo = mean.map((channel) => Math.round(255 * channel))
  const policy = { augmentPolicy, augmentMagnitude, augmentOps }
  return { ...policy, colourJitter, pcaLighting, randomErasing, erasedTo, mixup, cutmix }
}

function xlaHosts(links: HostLinks | null): XlaHosts | null {
  return links === null || links.store === null ? null : { hosts: links.hosts, rank: links.rank, store: links.store }
}

/** @param links to the other hosts, null where it runs alone */
export function executorChoice(
  { executor, tfjsBackend, devices, pjrtPlugin, gpuMemoryFraction, gpuPreallocate }: RunConfig,
  links: HostLinks | null = null,
): ExecutorChoice {
  switch (executor) {
    case 'cpu':
      return { name: 'cpu', hosts: links?.mesh ?? null }
    case 'tfjs':
      return { name: 'tfjs', backend: tfjsBackend }
    case 'xla': {
      const request = parseDevices(devices)
      const platform = request.kind === 'gpu' ? 'gpu' : 'cpu'
      const own = request.kind === 'gpu' ? request.gpus : request.replicas
      const memory = { fraction: gpuMemoryFraction, preallocate: gpuPreallocate === 'on' }
      return { name: 'xla', devices: { platform, devices: own, plugin: pjrtPlugin, memory, hosts: xlaHosts(links) } }
    }
  }
}
