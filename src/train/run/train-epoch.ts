import { runBatchesAhead } from '../../data/input/batches-ahead.ts'
import type { AssignedSlot } from '../../data/input/pipeline.ts'
import { secondsWaited, slotLabels, slotPixels } from '../../data/input/slot-ring.ts'
import { reduceOutputs, type StepOutput } from '../../engine/step/step-outputs.ts'
import { type EpochLine, type ErrorSummary, type StepLine, summariseErrors } from '../../report/metrics.ts'
import type { Progress } from '../../report/progress.ts'
import type { SampleLabels } from '../../report/run-view.ts'
import { writeSamplePicture } from '../../report/sample-picture.ts'
import { writeJson } from '../../report/write-whole.ts'
import { collectClassifiers } from '../../vocabulary/classifiers.ts'
import type { StartedRun } from '../replicas/replica-group.ts'
import { diverged } from './divergence.ts'
import type { RunningRun } from './running-run.ts'

/** Part of an epoch's time spent waiting for images from which on the user is told; a short epoch's start says nothing. */
const SLOW_INPUT = 0.05
const LONG_ENOUGH = 10

const SAMPLES = 32
const SAMPLE_COLUMNS = 8

/**
 * Trains to the end of the epoch, or of the run, or until it is stopped; `progress` is then that of the last step done.
 * Where a checkpoint is due the steps that were begun are ended first: the replicas rest while the state is copied.
 * @returns the epoch's line where the epoch or the run is at its end, null where it was stopped before
 * @throws UserFault where the loss is not finite
 */
export async function trainEpoch(run: RunningRun): Promise<EpochLine | null> {
  const { session, timetable, hooks, checkpoints } = run
  const { epoch, step: firstStep, stepInEpoch } = run.progress
  const { logEvery } = run.prepared.config
  const meter = new EpochMeter(run)
  let step = firstStep
  let counted: Promise<void> = Promise.resolve()
  let failed = false
  const begin = (assigned: AssignedSlot): Promise<void> => {
    const { read, outputs } = startStep(run, assigned, step)
    counted = countStep(run, meter, counted, outputs, step)
    // Thrown at the end, after the steps that are under way.
    counted.catch(() => {
      failed = true
    })
    step++
    if (step % logEvery === 0) session.fetchOutputs()
    return read
  }
  session.openEpoch(epoch, stepInEpoch)
  const goesOn = () => step < timetable.steps && !hooks.stop.aborted && !failed
  try {
    for (;;) {
      await runBatchesAhead(
        session.pipeline,
        session.replicas.stepsAhead,
        begin,
        () => goesOn() && !checkpoints.isDue(step),
      )
      session.fetchOutputs()
      await counted
      if (!goesOn() || !checkpoints.isDue(step)) break
      // There before a checkpoint: a run that goes on from it draws none.
      await run.samples
      await run.lock.check()
      await checkpoints.saveWithin(run.progress)
    }
  } finally {
    // Nothing is written behind a run that failed.
    await run.samples
  }
  const ended = run.progress.stepInEpoch === timetable.stepsPerEpoch || run.progress.step === timetable.steps
  return ended ? meter.logEpoch() : null
}

/** Tells the replicas of a step; its slot is released when it was read. */
function startStep(run: RunningRun, { slot }: AssignedSlot, step: number): StartedRun {
  const { prepared, session, timetable, hooks } = run
  const scalars = prepared.step.program.scalars.map(({ name }) => timetable.scalar(name, step))
  const { read, outputs } = session.trainStep(slot, scalars)
  const release = () => {
    if (step === 0) {
      run.samples = drawSamples(run, slot).catch((error: unknown) => {
        // A run goes on without the picture.
        hooks.display.note(error instanceof Error ? error.message : String(error))
      })
    }
    session.pipeline.release(slot)
  }
  return { read: read.then(release), outputs }
}

/** Takes up a step's outputs when they come, after those of the step `before`. @throws UserFault as trainEpoch */
async function countStep(
  run: RunningRun,
  meter: EpochMeter,
  before: Promise<void>,
  outputs: StartedRun['outputs'],
  step: number,
): Promise<void> {
  await before
  const roles = run.prepared.step.outputs
  const values = reduceOutputs(roles, await outputs)
  const losses = lossesOf(roles, values)
  const { loss } = losses
  if (!Number.isFinite(loss)) {
    throw diverged('a finite loss', step + 1, loss, run.timetable.learningRate(step))
  }
  const { stepInEpoch } = run.progress
  run.progress = { ...run.progress, step: step + 1, stepInEpoch: stepInEpoch + 1 }
  meter.count(values)
  const { epoch } = run.progress
  await run.observer.step?.({ step: step + 1, epoch, lr: run.timetable.learningRate(step), ...losses })
}

/** What the network is given, as a picture in the run folder; the slot may be released when this returns. */
async function drawSamples({ session, files, prepared }: RunningRun, slot: AssignedSlot['slot']): Promise<void> {
  const { batch, height, width, channels } = session.pipeline.ring.geometry
  const count = Math.min(SAMPLES, batch)
  const data = Uint8Array.from(slotPixels(session.pipeline.ring, slot).subarray(0, count * height * width * channels))
  const { classNames } = prepared.dataset.description
  const labels = Array.from(
    slotLabels(session.pipeline.ring, slot).subarray(0, count),
    (label) => classNames[label] ?? `${label}`,
  )
  await writeSamplePicture(files.samples, { data, count, height, width }, SAMPLE_COLUMNS)
  await writeJson(files.sampleLabels, { columns: SAMPLE_COLUMNS, labels } satisfies SampleLabels)
}

/** Sums of an epoch's steps, kept in the run's progress so that a resumed epoch ends with the line of the whole. */
class EpochMeter {
  readonly #run: RunningRun
  readonly #begun = performance.now()
  readonly #secondsBefore: number
  /** Seconds that the replicas had waited for images, less what this epoch had before the run was resumed. */
  readonly #waitedBefore: number
  readonly #firstStep: number
  #lastLogged = performance.now()
  #stepsSinceLog = 0

  constructor(run: RunningRun) {
    this.#run = run
    this.#secondsBefore = run.progress.sums['seconds'] ?? 0
    this.#waitedBefore = secondsWaited(run.prepared.ring) - (run.progress.sums['waited'] ?? 0)
    this.#firstStep = run.progress.step
  }

  /** Takes up the outputs of a step that is done. */
  count(values: ReadonlyMap<string, number>): void {
    const { prepared, hooks, log, session } = this.#run
    const { batch, logEvery } = prepared.config
    const sums = { ...this.#run.progress.sums }
    for (const [name, value] of values) sums[name] = (sums[name] ?? 0) + value
    sums['images'] = (sums['images'] ?? 0) + batch
    sums['seconds'] = this.#secondsBefore + (performance.now() - this.#begun) / 1000
    sums['waited'] = secondsWaited(prepared.ring) - this.#waitedBefore
    this.#run.progress = { ...this.#run.progress, sums }
    this.#stepsSinceLog++

    const { step } = this.#run.progress
    const due = step % logEvery === 0 || step === this.#run.timetable.steps
    // Of steps that were fetched together only the last one's moment is now.
    const shown = hooks.display.due && !session.replicas.keepsOutputs
    if (!due && !shown) return
    const now = performance.now()
    const line: StepLine = {
      kind: 'step',
      ...this.#base(),
      ...lossesOf(prepared.step.outputs, values),
      images_per_second: (this.#stepsSinceLog * batch * 1000) / (now - this.#lastLogged),
    }
    hooks.display.update(this.#moment(line))
    if (!due) return
    hooks.display.logged(this.#moment(line))
    log.append(line)
    this.#lastLogged = now
    this.#stepsSinceLog = 0
  }

  /** The epoch's own line: means over its images. */
  logEpoch(): EpochLine {
    const { prepared, log, progress, hooks } = this.#run
    const { images = 0, seconds = 0, waited = 0 } = progress.sums
    const waiting = waited / prepared.replicas
    const steps = images / prepared.config.batch
    const means = new Map(Object.entries(progress.sums).map(([name, sum]) => [name, sum / steps]))
    const line: EpochLine = {
      kind: 'epoch',
      ...this.#base(),
      ...lossesOf(prepared.step.outputs, means),
      images_per_second: images / seconds,
      seconds,
      input_wait: (100 * waiting) / seconds,
      top1_error: trainingErrors(prepared.step.outputs, progress.sums),
    }
    log.append(line)
    if (waiting / seconds < SLOW_INPUT || seconds < LONG_ENOUGH) return line
    const [needed, got] = [images / (seconds - waiting), images / seconds].map(Math.round)
    hooks.display.note(
      `the input is too slow: training could take ${needed} images/s and got ${got} (raise --decode-workers, now ` +
        `${prepared.config.decodeWorkers}, or prepare smaller images)`,
    )
    return line
  }

  #base() {
    const { progress, timetable } = this.#run
    return { step: progress.step, epoch: progress.epoch, lr: timetable.learningRate(progress.step - 1) }
  }

  #moment(line: StepLine): Progress {
    const { timetable } = this.#run
    const done = line.step - this.#firstStep
    const secondsPerStep = (performance.now() - this.#begun) / 1000 / done
    return {
      epoch: line.epoch,
      epochs: timetable.epochs,
      step: line.step,
      steps: timetable.steps,
      loss: line.loss,
      parts: line.parts,
      imagesPerSecond: line.images_per_second,
      secondsLeft: secondsPerStep * (timetable.steps - line.step),
    }
  }
}

/** Errors in percent by the hits of each classifier over an epoch. */
function trainingErrors(outputs: readonly StepOutput[], sums: Readonly<Record<string, number>>): ErrorSummary {
  const { images = 0 } = sums
  const { branches, teacher } = collectClassifiers((classifier) => {
    const hits = outputs.find((output) => output.role === 'hits' && output.classifier === classifier)
    const correct = hits && sums[hits.name]
    return correct === undefined ? undefined : (100 * (images - correct)) / images
  })
  return summariseErrors(branches, teacher)
}

/** The objective and its parts, by the names that the method gave to them. */
function lossesOf(
  outputs: readonly StepOutput[],
  values: ReadonlyMap<string, number>,
): { loss: number; parts: Record<string, number> } {
  const valueUnder = ({ name }: StepOutput) => values.get(name) ?? Number.NaN
  const loss = outputs.find(({ role }) => role === 'loss')
  const parts = outputs.filter(({ role }) => role === 'part').map((output) => [output.name, valueUnder(output)])
  return { loss: loss === undefined ? Number.NaN : valueUnder(loss), parts: Object.fromEntries(parts) }
}
