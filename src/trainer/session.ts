/** Everything that a run works with while it trains or evaluates: images, programs, state, threads. */

import { totalmem } from 'node:os'
import { parseDevices } from '../config/devices.ts'
import type { RunConfig } from '../config/run-config.ts'
import type { LoadedDataset } from '../datasets/dataset.ts'
import { describeDataset } from '../datasets/describe-dataset.ts'
import { createExecutor, type ExecutorChoice } from '../executors/executor-choice.ts'
import type { Program } from '../graph/program.ts'
import type { SlotRing } from '../input/batch-source.ts'
import { jpegDecoderHere } from '../input/image-writers.ts'
import { InputPipeline } from '../input/pipeline.ts'
import { planRing } from '../input/ring-plan.ts'
import { createSlotRing } from '../input/slot-ring.ts'
import type { TrainingNoise } from '../input/training-noise.ts'
import type { ProgramName } from '../replica/messages.ts'
import { ReplicaGroup } from '../replica/replica-group.ts'
import type { StepSpecification } from '../step/capture.ts'
import { captureEvaluation } from '../step/evaluation-program.ts'
import { specifyStep } from '../step/specification.ts'
import { captureTrainingStep, type TrainingStep } from '../step/training-program.ts'
import { loadImages } from './load-images.ts'

/** Slots beside those that decode workers fill and those that are with the replicas. */
const SLOTS_IN_HAND = 2

/** Programs and state of a run, before its images are there. */
export interface PlannedRun {
  readonly config: RunConfig
  /** How many share a step. */
  readonly replicas: number
  readonly specification: StepSpecification
  readonly step: TrainingStep
  readonly evaluation: Program
  /** Flat state by `step.layout`, zeroed. */
  readonly state: SharedArrayBuffer
  readonly ring: SlotRing
}

/** A run before any of its threads is started. */
export interface PreparedRun extends PlannedRun {
  readonly dataset: LoadedDataset
}

/** Captures the programs. @throws UserFault for what the configuration does not fit, or this machine cannot run */
async function planRun(config: RunConfig): Promise<PlannedRun> {
  const { batch, decodeWorkers } = config
  const description = await describeDataset(config)
  const { replicas } = parseDevices(config.devices)
  const specification = specifyStep(config, description, replicas)
  const step = captureTrainingStep(specification)
  const evaluation = captureEvaluation(specification)
  const executor = await createExecutor(executorChoice(config))
  executor.check(step.program)
  const { height, width, channels } = description
  const { slots } = planRing({
    ...{ batch, height, width, channels, decodeWorkers },
    inHand: SLOTS_IN_HAND + (executor.stepsAhead ?? 2),
    memory: Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY),
  })
  const ring = createSlotRing({ slots, batch, height, width, channels })
  const state = new SharedArrayBuffer(4 * step.layout.elements)
  return { config, replicas, specification, step, evaluation, state, ring }
}

/** Captures the programs and loads the images. @throws UserFault as beginRun */
export async function prepareRun(config: RunConfig, images = loadImages(config)): Promise<PreparedRun> {
  return { ...(await planRun(config)), dataset: await images }
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
 * @throws UserFault for what the configuration and the files do not fit, and where the executor does not work here
 */
export async function beginRun(
  config: RunConfig,
  images: Promise<LoadedDataset>,
  first: ProgramName,
  fill: (step: TrainingStep, state: SharedArrayBuffer) => Promise<void>,
): Promise<BegunRun> {
  const plan = await planRun(config)
  const replicas = await startReplicas(plan, first)
  try {
    await fill(plan.step, plan.state)
    return { prepared: { ...plan, dataset: await images }, replicas }
  } catch (error) {
    await replicas.stop()
    throw error
  }
}

function startReplicas(
  { config, replicas, step, evaluation, state, ring }: PlannedRun,
  first: ProgramName,
): Promise<ReplicaGroup> {
  return ReplicaGroup.start({
    executor: executorChoice(config),
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
  close(): Promise<void>
}

/**
 * Starts the decode workers, and the replicas where they are not running already.
 * @throws UserFault where the executor does not work here
 */
export async function openSession(prepared: PreparedRun, begun: ReplicaGroup | null = null): Promise<Session> {
  const { config, dataset, ring } = prepared
  const { batch, decodeWorkers, seed } = config
  const noise = noiseOf(config, dataset.description.mean)
  const pipeline = new InputPipeline({ dataset, batch, slots: ring.geometry.slots, decodeWorkers, seed, ring, noise })
  try {
    const replicas = begun ?? (await startReplicas(prepared, 'train'))
    return {
      pipeline,
      replicas,
      close: async () => {
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

/** What decodes image files and into how much memory; nothing for small images in memory. */
export function inputNotices({ config, dataset, ring }: PreparedRun): string[] {
  if (dataset.train.storage === 'pixels') return []
  const { slots, batch } = ring.geometry
  const megabytes = Math.round(ring.pixels.byteLength / 1e6)
  return [
    `images are decoded by ${jpegDecoderHere()}, ${config.decodeWorkers} threads, into a ring of ${slots} batches of ${batch}: ${megabytes} MB`,
  ]
}

function noiseOf({ colourJitter, pcaLighting, randomErasing }: RunConfig, mean: readonly number[]): TrainingNoise {
  return { colourJitter, pcaLighting, randomErasing, erasedTo: mean.map((channel) => Math.round(255 * channel)) }
}

export function executorChoice({ executor, tfjsBackend, devices, pjrtPlugin }: RunConfig): ExecutorChoice {
  switch (executor) {
    case 'onednn':
      return { name: 'onednn' }
    case 'tfjs':
      return { name: 'tfjs', backend: tfjsBackend }
    case 'xla': {
      const request = parseDevices(devices)
      const platform = request.kind === 'gpu' ? 'gpu' : 'cpu'
      const own = request.kind === 'gpu' ? request.gpus : request.replicas
      return { name: 'xla', devices: { platform, devices: own, plugin: pjrtPlugin } }
    }
  }
}
