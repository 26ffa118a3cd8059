/** Everything that a run works with while it trains or evaluates: images, programs, state, threads. */

import { parseDevices } from '../config/devices.ts'
import type { RunConfig } from '../config/run-config.ts'
import type { LoadedDataset } from '../datasets/dataset.ts'
import { defaultDataFolder, loadDataset } from '../datasets/load-dataset.ts'
import { createExecutor, type ExecutorChoice } from '../executors/executor-choice.ts'
import type { Program } from '../graph/program.ts'
import { InputPipeline } from '../input/pipeline.ts'
import { ReplicaGroup } from '../replica/replica-group.ts'
import { captureEvaluation } from '../step/evaluation-program.ts'
import { specifyStep } from '../step/specification.ts'
import { captureTrainingStep, type TrainingStep } from '../step/training-program.ts'

/** Slots beside those that decode workers fill: one being run, one waiting for each replica step ahead. */
const SLOTS_IN_USE = 4

/** Programs and state of a run, before any thread is started. */
export interface PreparedRun {
  readonly config: RunConfig
  readonly dataset: LoadedDataset
  readonly replicas: number
  readonly step: TrainingStep
  readonly evaluation: Program
  /** Flat state by `step.layout`, zeroed. */
  readonly state: SharedArrayBuffer
}

/** Loads the images and captures the programs. @throws UserFault for what the configuration and the files do not fit */
export async function prepareRun(config: RunConfig): Promise<PreparedRun> {
  const { replicas } = parseDevices(config.devices)
  const dataset = await loadDataset(config.dataset, config.data ?? defaultDataFolder(config.dataset))
  const specification = specifyStep(config, dataset.description, replicas)
  const step = captureTrainingStep(specification)
  const evaluation = captureEvaluation(specification)
  const executor = await createExecutor(executorChoice(config))
  executor.check(step.program)
  return { config, dataset, replicas, step, evaluation, state: new SharedArrayBuffer(4 * step.layout.elements) }
}

/** The threads of a run. */
export interface Session {
  readonly pipeline: InputPipeline
  readonly replicas: ReplicaGroup
  close(): Promise<void>
}

/** Starts decode workers and replicas. @throws UserFault where the executor does not work here */
export async function openSession({
  config,
  dataset,
  replicas,
  step,
  evaluation,
  state,
}: PreparedRun): Promise<Session> {
  const { batch, decodeWorkers, seed } = config
  const slots = SLOTS_IN_USE + 2 * decodeWorkers
  const pipeline = new InputPipeline({ dataset, batch, slots, decodeWorkers, seed })
  try {
    const group = await ReplicaGroup.start({
      executor: executorChoice(config),
      replicas,
      programs: { train: step.program, evaluate: evaluation },
      layout: step.layout,
      state,
      ring: pipeline.ring,
    })
    return {
      pipeline,
      replicas: group,
      close: async () => {
        // First the input: a replica that waits for a slot is told that none will come.
        await pipeline.close()
        await group.stop()
      },
    }
  } catch (error) {
    await pipeline.close()
    throw error
  }
}

export function executorChoice({ executor, tfjsBackend }: RunConfig): ExecutorChoice {
  return executor === 'onednn' ? { name: 'onednn' } : { name: 'tfjs', backend: tfjsBackend }
}
