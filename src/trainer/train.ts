/** Training from the first step to the report; reads as the table of contents of a run. */
import { rm } from 'node:fs/promises'
import { latestCheckpoint, loadCheckpoint, saveCheckpoint } from '../checkpoint/checkpoint.ts'
import { describeModel } from '../checkpoint/model-description.ts'
import type { RunProgress } from '../checkpoint/run-state.ts'
import { restoreState, snapshotState } from '../checkpoint/state-tensors.ts'
import { refuseChangedSettings } from '../config/changed-settings.ts'
import type { RunConfig } from '../config/run-config.ts'
import type { LoadedDataset } from '../datasets/dataset.ts'
import { EvaluationStopped } from '../evaluation/evaluate-split.ts'
import { executorLibraries } from '../executors/devices.ts'
import type { HostLeader } from '../hosts/host-leader.ts'
import { InputPipeline } from '../input/pipeline.ts'
import { writeReport } from '../report/html-report.ts'
import type { EvalLine } from '../report/metrics.ts'
import type { ProgressDisplay } from '../report/progress.ts'
import type { RunFiles } from '../report/run-files.ts'
import type { TrainingStep } from '../step/training-program.ts'
import { expected } from '../vocabulary/fault.ts'
import { evaluateState } from './evaluate-state.ts'
import { fillInitialState } from './initial-state.ts'
import { beginTraining } from './lead-hosts.ts'
import { describeLonger, keepLength } from './longer-run.ts'
import { describeMachine } from './machine.ts'
import { MetricsLog } from './metrics-log.ts'
import { createRunFolder, openRunFolder } from './run-folder.ts'
import { whileLocked } from './run-lock.ts'
import { checkImages, refuseOtherImages } from './same-images.ts'
import {
  type BegunRun,
  executorChoice,
  inputNotices,
  openSession,
  type PreparedRun,
  prepareRun,
  type Session,
} from './session.ts'
import { checkSnapshots, endsCycle, saveSnapshot, snapshotsTaken, withSnapshotEnsemble } from './snapshots.ts'
import { loadTeacher, resolveTeacher, teacherRun, trainsTeacher, unfinishedTeacher } from './teacher.ts'
import { planTimetable, type Timetable } from './timetable.ts'
import { refuseDivergence, trainEpoch } from './train-epoch.ts'

export interface TrainHooks {
  readonly display: ProgressDisplay
  /** Aborted to finish the step, save and end. */
  readonly stop: AbortSignal
  /** Leads the other hosts that train with this one; absent where there are none. */
  readonly hosts?: HostLeader
}

export interface TrainOutcome {
  readonly files: RunFiles
  readonly ended: 'finished' | 'interrupted'
  /** Optimiser updates done. */
  readonly step: number
  /** The last evaluation on the test split, null where the run ended before the first. */
  readonly evaluation: EvalLine | null
}

/** A run that is under way. */
export interface RunningRun {
  readonly prepared: PreparedRun
  readonly session: Session
  readonly timetable: Timetable
  readonly files: RunFiles
  readonly log: MetricsLog
  readonly hooks: TrainHooks
  progress: RunProgress
  /** The picture of the first batch while it is being written. */
  samples: Promise<void> | null
}

/**
 * A new run in the folder `config.out`.
 * @param images what loadImages gave
 * @throws UserFault for faults of configuration, images or folder (nothing was made then), and where training diverges
 */
export async function train(
  given: RunConfig,
  images: Promise<LoadedDataset>,
  hooks: TrainHooks,
): Promise<TrainOutcome> {
  const config = await resolveTeacher(given)
  const note = (words: string) => hooks.display.note(words)
  if (!trainsTeacher(config)) {
    const unfinished = await unfinishedTeacher(config)
    if (unfinished !== null) note(unfinished)
    return await trainFromStart(config, images, hooks, async (dataset, work) => {
      const files = await makeFolder(config, dataset)
      return await whileLocked(files.folder, note, () => work(files))
    })
  }
  // What is wrong with either is told before the long work on the teacher.
  for (const run of [config, teacherRun(config)]) {
    const prepared = await prepareRun(run, images)
    timetableOf(prepared)
    await fillInitialState(run, prepared.step, prepared.state)
  }
  const files = await makeFolder(config, await images)
  return await whileLocked(files.folder, note, () => trainWithTeacher(config, images, hooks))
}

/** Goes on with the run in `config.out` from its newest checkpoint. @throws UserFault as train, or where there is none */
export async function resume(
  config: RunConfig,
  images: Promise<LoadedDataset>,
  hooks: TrainHooks,
): Promise<TrainOutcome> {
  const files = await openRunFolder(config.out)
  const note = (words: string) => hooks.display.note(words)
  return await whileLocked(files.folder, note, () => goOn(config, images, files, hooks))
}

async function goOn(
  config: RunConfig,
  images: Promise<LoadedDataset>,
  files: RunFiles,
  hooks: TrainHooks,
): Promise<TrainOutcome> {
  const folder = await latestCheckpoint(config.out)
  if (folder === null) {
    if (trainsTeacher(config)) return await trainWithTeacher(config, images, hooks)
    throw expected('a checkpoint', 'the run to resume', config.out, 'It stopped before its first: train it anew.')
  }
  const checkpoint = await loadCheckpoint(folder)
  const { progress, tensors } = checkpoint
  await checkSnapshots(config, snapshotsTaken(config, progress.epoch))
  refuseChangedSettings(config, files.config, progress.config, folder)
  if (isOver(config, progress)) return await tellFinished(config, files, progress, hooks)
  if (checkpoint.description === null) hooks.display.note(`${folder} does not say its classes: they are not compared.`)
  const { images: own } = await checkImages(config, images, checkpoint, folder)
  const restore = async ({ layout }: TrainingStep, state: SharedArrayBuffer) => {
    restoreState(layout, state, tensors, folder)
  }
  const begun = await beginTraining(config, own, restore, hooks.hosts ?? null)
  try {
    await refuseOtherImages(files, begun.prepared.dataset)
    const timetable = timetableOf(begun.prepared)
    const longer = describeLonger(config, progress, timetable)
    if (longer !== null) {
      hooks.display.note(longer)
      await keepLength(config)
    }
    return await runToEnd(begun, timetable, files, { ...progress, config }, hooks, 'resumed')
  } finally {
    await begun.replicas.stop()
  }
}

/** As isFinished, before the images are counted. */
function isOver({ epochs, steps }: RunConfig, { epoch, step, stepInEpoch }: RunProgress): boolean {
  return stepInEpoch === 0 && (steps === null ? epoch >= epochs : step >= steps)
}

/** Nothing is left to train; the report may be. */
async function tellFinished(
  { epochs, steps, method, scale }: RunConfig,
  files: RunFiles,
  { step }: RunProgress,
  { display }: TrainHooks,
): Promise<TrainOutcome> {
  const done = steps === null ? `${epochs} of ${epochs} epochs` : `${steps} of ${steps} steps`
  const further =
    steps === null && method !== 'snapshot' && scale === 1
      ? `native-ensemble resume ${files.folder} --epochs ${2 * epochs}, say, trains longer`
      : 'a new run can begin from its weights (native-ensemble export, then train --init)'
  display.note(`The run is finished: ${done} are trained, and nothing was changed; ${further}.`)
  await writeReport(files.folder)
  return { files, ended: 'finished', step, evaluation: null }
}

/** The teacher of KD from where its run is to its end, then the student. */
async function trainWithTeacher(
  config: RunConfig,
  images: Promise<LoadedDataset>,
  hooks: TrainHooks,
): Promise<TrainOutcome> {
  const files = await openRunFolder(config.out)
  const teacher = teacherRun(config)
  hooks.display.note(`First the teacher, ${teacher.network}, in ${teacher.out}.`)
  const { ended } = await trainOn(teacher, images, hooks)
  if (ended === 'interrupted') return { files, ended, step: 0, evaluation: null }
  hooks.display.note(`Now the student, ${config.network}.`)
  return await trainFromStart(config, images, hooks, (_, work) => work(files))
}

/** A run in a folder of our own, whatever it has come to. */
async function trainOn(config: RunConfig, images: Promise<LoadedDataset>, hooks: TrainHooks): Promise<TrainOutcome> {
  if ((await latestCheckpoint(config.out)) !== null) return await resume(config, images, hooks)
  // What stopped before its first checkpoint left nothing to go on from.
  await rm(config.out, { recursive: true, force: true })
  return await train(config, images, hooks)
}

/** @param within makes the run folder, or tells of the one that is there, for the work in it */
async function trainFromStart(
  config: RunConfig,
  images: Promise<LoadedDataset>,
  hooks: TrainHooks,
  within: (dataset: LoadedDataset, work: (files: RunFiles) => Promise<TrainOutcome>) => Promise<TrainOutcome>,
): Promise<TrainOutcome> {
  const fill = async (step: TrainingStep, state: SharedArrayBuffer) => {
    await fillInitialState(config, step, state)
    await loadTeacher(config, step.layout, state, images)
  }
  const begun = await beginTraining(config, images, fill, hooks.hosts ?? null)
  try {
    const timetable = timetableOf(begun.prepared)
    const progress = { epoch: 0, step: 0, stepInEpoch: 0, seed: config.seed, best: null, sums: {}, config }
    return await within(begun.prepared.dataset, (files) => runToEnd(begun, timetable, files, progress, hooks, 'new'))
  } finally {
    await begun.replicas.stop()
  }
}

async function makeFolder(config: RunConfig, { sources }: LoadedDataset): Promise<RunFiles> {
  const libraries = await executorLibraries(executorChoice(config))
  return await createRunFolder(config, describeMachine(libraries, sources))
}

function timetableOf({ config, dataset }: PreparedRun): Timetable {
  const stepsPerEpoch = InputPipeline.batches(dataset.train, config.batch, 'drop')
  if (stepsPerEpoch === 0) {
    const remedy = 'Use a smaller --batch, or more images.'
    throw expected(`at least ${config.batch} training images (one batch)`, config.dataset, dataset.train.count, remedy)
  }
  return planTimetable(config, stepsPerEpoch, dataset.description)
}

async function runToEnd(
  { prepared, replicas }: BegunRun,
  timetable: Timetable,
  files: RunFiles,
  progress: RunProgress,
  hooks: TrainHooks,
  begun: 'new' | 'resumed',
): Promise<TrainOutcome> {
  const evaluated = !awaitsEvaluation(progress, timetable)
  const log = await MetricsLog.open(files, begun === 'new' ? null : { step: progress.step, evaluated })
  try {
    for (const notice of [...prepared.dataset.notices, ...inputNotices(prepared)]) hooks.display.note(notice)
    const session = await openSession(prepared, replicas, hooks.hosts ?? null)
    try {
      const run: RunningRun = { prepared, session, timetable, files, log, hooks, progress, samples: null }
      const evaluation = await runEpochs(run)
      const ended = isFinished(run.progress, timetable) ? 'finished' : 'interrupted'
      return { files, ended, step: run.progress.step, evaluation }
    } finally {
      await session.close()
    }
  } finally {
    log.close()
    await writeReport(files.folder)
  }
}

/** @returns the last evaluation */
async function runEpochs(run: RunningRun): Promise<EvalLine | null> {
  const { timetable, hooks } = run
  let evaluation: EvalLine | null = null
  while (!isFinished(run.progress, timetable)) {
    let ended: 'epoch' | 'stopped' = 'epoch'
    if (!awaitsEvaluation(run.progress, timetable)) {
      ended = await trainEpoch(run)
      await run.session.replicas.pullState()
      refuseDivergence(run)
    }
    if (ended === 'epoch') {
      try {
        if (evaluationIsDue(run)) evaluation = await evaluateEpoch(run)
        run.progress = { ...run.progress, epoch: run.progress.epoch + 1, stepInEpoch: 0, sums: {} }
      } catch (error) {
        // The checkpoint says that the epoch is trained and not evaluated.
        if (!(error instanceof EvaluationStopped)) throw error
      }
    }
    await save(run)
    if (hooks.stop.aborted) break
  }
  return evaluation
}

/** Whether an epoch's last step is done and what follows it is not. */
function awaitsEvaluation({ step, stepInEpoch }: RunProgress, { steps, stepsPerEpoch }: Timetable): boolean {
  return stepInEpoch === stepsPerEpoch || (step === steps && stepInEpoch > 0)
}

function isFinished({ step, stepInEpoch }: RunProgress, { steps }: Timetable): boolean {
  return step >= steps && stepInEpoch === 0
}

/** After each `evaluateEvery` epochs, after the last, and where a snapshot is taken. */
function evaluationIsDue({ prepared, progress, timetable }: RunningRun): boolean {
  if (endsCycle(prepared.config, progress.epoch)) return true
  return (progress.epoch + 1) % prepared.config.evaluateEvery === 0 || progress.step === timetable.steps
}

/** Evaluates and notes the best. */
async function evaluateEpoch(run: RunningRun): Promise<EvalLine> {
  const { prepared, session, timetable, log, hooks } = run
  const { step, epoch, best } = run.progress
  const network = await evaluateState(prepared, session, 'test', {
    step,
    epoch,
    lr: timetable.learningRate(step - 1),
    stop: hooks.stop,
    onProgress: (images, all) => hooks.display.status(`evaluating: ${images}/${all} images`),
  })
  const result = endsCycle(prepared.config, epoch) ? await takeSnapshot(run, network) : network
  log.append(result)
  const error = result.top1_error.mean
  if (best === null || error < best.error) run.progress = { ...run.progress, best: { step, error } }
  return result
}

/** The cycle's network joins the ensemble, which is evaluated beside it. */
async function takeSnapshot({ prepared, session, progress, hooks }: RunningRun, network: EvalLine): Promise<EvalLine> {
  await saveSnapshot(prepared, progress.epoch)
  const taken = snapshotsTaken(prepared.config, progress.epoch + 1)
  return await withSnapshotEnsemble(prepared, { pipeline: session.pipeline, stop: hooks.stop }, 'test', taken, network)
}

async function save({ prepared, files, progress }: RunningRun): Promise<void> {
  const tensors = snapshotState(prepared.step.layout, prepared.state)
  const description = describeModel(prepared.config, prepared.dataset.description)
  await saveCheckpoint(files.folder, { progress, tensors, description }, prepared.config.keep)
}
