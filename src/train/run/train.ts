/** A run from its configuration to its report: new, resumed, or with its teacher first. */
import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { refuseChangedSettings } from '../../config/changed-settings.ts'
import type { RunConfig } from '../../config/run-config.ts'
import type { LoadedDataset } from '../../data/datasets/dataset.ts'
import { InputPipeline } from '../../data/input/pipeline.ts'
import { executorLibraries } from '../../engine/executors/devices.ts'
import { takesSnapshots } from '../../engine/methods/registry.ts'
import type { TrainingStep } from '../../engine/step/training-program.ts'
import { writeReport } from '../../report/html-report.ts'
import { type EvalLine, readMetrics } from '../../report/metrics.ts'
import type { RunFiles } from '../../report/run-files.ts'
import type { RunLength } from '../../report/run-view.ts'
import { writeJson } from '../../report/write-whole.ts'
import { expected } from '../../vocabulary/fault.ts'
import { type FolderLock, type LockHooks, LockWaitStopped, whileLocked } from '../../vocabulary/locks/folder-lock.ts'
import { startAverages } from '../checkpoint/averaged-weights.ts'
import { latestCheckpoint, listCheckpoints, loadCheckpoint } from '../checkpoint/checkpoint.ts'
import type { RunProgress } from '../checkpoint/run-state.ts'
import { restoreState } from '../checkpoint/state-tensors.ts'
import { fillInitialState } from './initial-state.ts'
import { beginTraining } from './lead-hosts.ts'
import { removeLeftovers } from './leftovers.ts'
import { describeLonger, keepLength } from './longer-run.ts'
import { describeMachine } from './machine.ts'
import { MetricsLog } from './metrics-log.ts'
import { checkSpace } from './needed-space.ts'
import { RunCheckpoints } from './run-checkpoints.ts'
import { endsEarly, isOver } from './run-end.ts'
import { awaitsEvaluation, isFinished, runEpochs } from './run-epochs.ts'
import { createRunFolder, openRunFolder } from './run-folder.ts'
import { lockedRun } from './run-lock.ts'
import type { RunningRun, TrainHooks } from './running-run.ts'
import { checkImages, refuseOtherImages } from './same-images.ts'
import {
  type BegunRun,
  executorChoice,
  executorNotices,
  inputNotices,
  openSession,
  type PreparedRun,
  prepareRun,
} from './session.ts'
import { checkSnapshots, snapshotsTaken } from './snapshots.ts'
import { loadTeacher, resolveTeacher, teacherRun, trainsTeacher, unfinishedTeacher } from './teacher.ts'
import { planTimetable, type Timetable } from './timetable.ts'

export interface TrainOutcome {
  readonly files: RunFiles
  readonly ended: 'finished' | 'interrupted'
  /** Optimiser updates done. */
  readonly step: number
  /** The last evaluation on the test split, null where the run ended before the first. */
  readonly evaluation: EvalLine | null
}

/** `anew`: from the first step in a folder in which a process may have begun before and left no checkpoint. */
type Beginning = 'new' | 'anew' | 'resumed'

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
      return await whileLocked(lockedRun(files.folder), lockHooks(hooks), (lock) => work(files, lock))
    })
  }
  // What is wrong with either is told before the long work on the teacher.
  const planned = []
  for (const run of [config, teacherRun(config)]) {
    const prepared = await prepareRun(run, images)
    planned.push({ prepared, timetable: timetableOf(prepared) })
    await fillInitialState(run, prepared.step, prepared.state)
  }
  await checkSpace(config.out, planned, note)
  const files = await makeFolder(config, await images)
  return await whileLocked(lockedRun(files.folder), lockHooks(hooks), (lock) =>
    trainWithTeacher(config, images, hooks, lock),
  )
}

/**
 * Goes on with the run in `config.out` from its newest checkpoint; one that was ended before its first begins anew.
 * @throws UserFault as train
 */
export async function resume(
  config: RunConfig,
  images: Promise<LoadedDataset>,
  hooks: TrainHooks,
): Promise<TrainOutcome> {
  const files = await openRunFolder(config.out)
  try {
    return await whileLocked(lockedRun(files.folder), lockHooks(hooks), (lock) =>
      goOn(config, images, files, hooks, lock),
    )
  } catch (error) {
    if (!(error instanceof LockWaitStopped)) throw error
    return { files, ended: 'interrupted', step: (await listCheckpoints(config.out)).at(-1) ?? 0, evaluation: null }
  }
}

function lockHooks({ display, stop }: TrainHooks): LockHooks {
  return { stop, note: (words) => display.note(words) }
}

async function goOn(
  config: RunConfig,
  images: Promise<LoadedDataset>,
  files: RunFiles,
  hooks: TrainHooks,
  lock: FolderLock,
): Promise<TrainOutcome> {
  await removeLeftovers(files.folder)
  const folder = await latestCheckpoint(config.out)
  if (folder === null) {
    if (trainsTeacher(config)) return await trainWithTeacher(config, images, hooks, lock)
    await refuseLostCheckpoints(files)
    hooks.display.note('The run was ended before its first checkpoint: it begins anew.')
    const sameImages = async (dataset: LoadedDataset, work: WorkInFolder) => {
      await refuseOtherImages(files, dataset)
      return await work(files, lock)
    }
    return await trainFromStart(config, images, hooks, sameImages, 'anew')
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
    if (!isFinished(config, progress, timetable)) {
      await checkSpace(config.out, [{ prepared: begun.prepared, timetable }], (words) => hooks.display.note(words))
    }
    const longer = describeLonger(config, progress, timetable)
    if (longer !== null) {
      hooks.display.note(longer)
      await keepLength(config)
    }
    return await runToEnd(begun, timetable, files, { ...progress, config }, hooks, lock, 'resumed')
  } finally {
    await begun.replicas.stop()
  }
}

/** A run that has come further than its first checkpoint had one. @throws UserFault */
async function refuseLostCheckpoints({ folder, metrics }: RunFiles): Promise<void> {
  const lines = existsSync(metrics) ? await readMetrics(metrics) : []
  if (lines.every(({ epoch }) => epoch === 0)) return
  const remedy = 'Its checkpoints are gone, or could not be written: put them back, or train it anew in another folder.'
  throw expected('a checkpoint', 'the run to resume', folder, remedy)
}

/** Nothing is left to train; the report may be. */
async function tellFinished(
  config: RunConfig,
  files: RunFiles,
  progress: RunProgress,
  { display }: TrainHooks,
): Promise<TrainOutcome> {
  const { epochs, steps, method, scale } = config
  const { epoch, step } = progress
  const early = endsEarly(config, progress)
  const whole = steps === null ? `${epochs} of ${epochs} epochs` : `${steps} of ${steps} steps`
  const done = early ? `${epoch} epochs, up to its early stop,` : whole
  const further =
    !early && steps === null && !takesSnapshots(method) && scale === 1
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
  lock: FolderLock,
): Promise<TrainOutcome> {
  const files = await openRunFolder(config.out)
  const teacher = teacherRun(config)
  hooks.display.note(`First the teacher, ${teacher.network}, in ${teacher.out}.`)
  const { ended } = await trainOn(teacher, images, endingWith(lock, hooks))
  await lock.check()
  if (ended === 'interrupted') return { files, ended, step: 0, evaluation: null }
  hooks.display.note(`Now the student, ${config.network}.`)
  return await trainFromStart(config, images, hooks, (_, work) => work(files, lock), 'anew')
}

/** A run in a folder of our own, whatever it has come to. */
async function trainOn(config: RunConfig, images: Promise<LoadedDataset>, hooks: TrainHooks): Promise<TrainOutcome> {
  if ((await latestCheckpoint(config.out)) !== null) return await resume(config, images, hooks)
  // What stopped before its first checkpoint left nothing to go on from.
  await rm(config.out, { recursive: true, force: true })
  return await train(config, images, hooks)
}

type WorkInFolder = (files: RunFiles, lock: FolderLock) => Promise<TrainOutcome>

/** @param within makes the run folder, or tells of the one that is there, for the work in it */
async function trainFromStart(
  config: RunConfig,
  images: Promise<LoadedDataset>,
  hooks: TrainHooks,
  within: (dataset: LoadedDataset, work: WorkInFolder) => Promise<TrainOutcome>,
  beginning: Beginning = 'new',
): Promise<TrainOutcome> {
  const fill = async (step: TrainingStep, state: SharedArrayBuffer) => {
    for (const words of await fillInitialState(config, step, state)) hooks.display.note(words)
    await loadTeacher(config, step.layout, state, images)
    startAverages(step.layout, state)
  }
  const begun = await beginTraining(config, images, fill, hooks.hosts ?? null)
  try {
    const timetable = timetableOf(begun.prepared)
    const progress = { epoch: 0, step: 0, stepInEpoch: 0, seed: config.seed, best: null, sums: {}, config }
    await checkSpace(config.out, [{ prepared: begun.prepared, timetable }], (words) => hooks.display.note(words))
    return await within(begun.prepared.dataset, (files, lock) =>
      runToEnd(begun, timetable, files, progress, hooks, lock, beginning),
    )
  } finally {
    await begun.replicas.stop()
  }
}

async function makeFolder(config: RunConfig, { sources }: LoadedDataset): Promise<RunFiles> {
  const libraries = await executorLibraries(executorChoice(config))
  return await createRunFolder(config, describeMachine(libraries, sources))
}

function timetableOf({ config, dataset }: PreparedRun): Timetable {
  if (takesSnapshots(config.method) && dataset.test.count === 0) {
    const remedy = 'Prepare the images with some (--validation, or a folder val/), or choose another --method.'
    throw expected('test images to compare snapshots on', config.dataset, 'none', remedy)
  }
  if (config.earlyStop !== null && dataset.test.count === 0) {
    const remedy = 'Prepare the images with some (--validation, or a folder val/), or leave --early-stop out.'
    throw expected('test images to stop early by', config.dataset, 'none', remedy)
  }
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
  given: TrainHooks,
  lock: FolderLock,
  begun: Beginning,
): Promise<TrainOutcome> {
  const hooks = endingWith(lock, given)
  const evaluated = !awaitsEvaluation(progress, timetable)
  const note = (words: string) => hooks.display.note(words)
  const log = await MetricsLog.open(files, begun === 'new' ? null : { step: progress.step, evaluated }, note)
  try {
    const notices = [...executorNotices(prepared.config), ...prepared.dataset.notices, ...inputNotices(prepared)]
    await tellLength(files, timetable, note)
    for (const notice of notices) note(notice)
    const newest = begun === 'resumed' ? progress.step : null
    const observer = hooks.observe?.(files.folder) ?? {}
    const checkpoints = new RunCheckpoints({ prepared, replicas, timetable, log, note, observer }, newest)
    const session = await openSession(prepared, replicas, hooks.hosts ?? null)
    try {
      const run: RunningRun = {
        observer,
        prepared,
        session,
        timetable,
        files,
        log,
        checkpoints,
        hooks,
        lock,
        progress,
        samples: null,
      }
      const evaluation = await runEpochs(run)
      const ended = isFinished(prepared.config, run.progress, timetable) ? 'finished' : 'interrupted'
      return { files, ended, step: run.progress.step, evaluation }
    } finally {
      await session.close()
      await checkpoints.close()
    }
  } finally {
    log.close()
    await reportRun(files, lock, hooks)
  }
}

/** For those who watch the run; it goes on without. */
async function tellLength(
  { length }: RunFiles,
  { steps, epochs, stepsPerEpoch }: Timetable,
  note: (words: string) => void,
): Promise<void> {
  try {
    await writeJson(length, { steps, epochs, steps_per_epoch: stepsPerEpoch } satisfies RunLength)
  } catch (error) {
    note(error instanceof Error ? error.message : String(error))
  }
}

/** The hooks of a run that ends as well when its folder is no longer its own. */
function endingWith(lock: FolderLock, hooks: TrainHooks): TrainHooks {
  return { ...hooks, stop: AbortSignal.any([hooks.stop, lock.lost]) }
}

/** A report that cannot be written changes nothing of how the run ended. */
async function reportRun({ folder }: RunFiles, lock: FolderLock, { display }: TrainHooks): Promise<void> {
  try {
    await lock.check()
  } catch {
    return // What is in that place is not ours; the run ends with the same fault.
  }
  try {
    await writeReport(folder)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    display.note(`The report was not written: ${why} Write it later: native-ensemble report ${folder}`)
  }
}
