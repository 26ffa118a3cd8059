/** Epochs of a run: training, evaluation, checkpoint. */

import type { RunConfig } from '../../config/run-config.ts'
import { countClasses } from '../../report/class-counts.ts'
import { classifierNames } from '../../report/classifier-names.ts'
import type { EpochLine, EvalLine } from '../../report/metrics.ts'
import { epochSummary } from '../../report/progress.ts'
import { writeJson } from '../../report/write-whole.ts'
import type { RunProgress } from '../checkpoint/run-state.ts'
import { EvaluationStopped, type Predictions } from '../evaluation/evaluate-split.ts'
import { refuseDivergence } from './divergence.ts'
import { evaluateState } from './evaluate-state.ts'
import { endsEarly } from './run-end.ts'
import type { RunningRun } from './running-run.ts'
import { endsCycle, saveSnapshot, snapshotsTaken, withSnapshotEnsemble } from './snapshots.ts'
import type { Timetable } from './timetable.ts'
import { trainEpoch } from './train-epoch.ts'

/** From where the run is to its end, or to the end of the step in which it is stopped. @returns the last evaluation */
export async function runEpochs(run: RunningRun): Promise<EvalLine | null> {
  const { timetable, hooks } = run
  const { config } = run.prepared
  let evaluation: EvalLine | null = null
  while (!isFinished(config, run.progress, timetable)) {
    const { best } = run.progress
    let trained: EpochLine | null = null
    let ended = true
    if (!awaitsEvaluation(run.progress, timetable)) {
      trained = await trainEpoch(run)
      ended = trained !== null
      await run.session.replicas.pullState()
      refuseDivergence(run)
    }
    if (ended) {
      try {
        const { epoch, step } = run.progress
        const measured = evaluationIsDue(run) ? await evaluateEpoch(run) : null
        evaluation = measured ?? evaluation
        const ended = { epoch, epochs: timetable.epochs, trained, evaluation: measured, best: best?.error ?? null }
        hooks.display.note(epochSummary(ended, classifierNames(run.prepared.config)))
        run.progress = { ...run.progress, epoch: epoch + 1, stepInEpoch: 0, sums: {} }
        await run.observer.epoch?.(trained, measured, epoch, step)
      } catch (error) {
        // The checkpoint says that the epoch is trained and not evaluated.
        if (!(error instanceof EvaluationStopped)) throw error
      }
    }
    await run.lock.check()
    const failure = await run.checkpoints.saveNow(run.progress)
    const over = hooks.stop.aborted || isFinished(config, run.progress, timetable)
    if (failure !== null) {
      if (over) throw run.checkpoints.lostEnd(run.progress.step, failure)
      run.checkpoints.tellFailure(run.progress.step, failure)
      // The best one is a checkpoint that there is.
      run.progress = { ...run.progress, best }
    }
    if (endsEarly(config, run.progress)) tellEarlyStop(run)
    if (over) break
  }
  return evaluation
}

function tellEarlyStop({ hooks, prepared, progress }: RunningRun): void {
  const { earlyStop } = prepared.config
  const { best, epoch } = progress
  hooks.display.note(
    `The run ends early, after ${epoch} epochs: for ${earlyStop} the test error was no lower than after step ${best?.step} ` +
      '(--checkpoint best).',
  )
}

/** Whether an epoch's last step is done and what follows it is not. */
export function awaitsEvaluation({ step, stepInEpoch }: RunProgress, { steps, stepsPerEpoch }: Timetable): boolean {
  return stepInEpoch === stepsPerEpoch || (step === steps && stepInEpoch > 0)
}

/** Whether all steps are done, and what follows the last; or the run ended early. */
export function isFinished(config: RunConfig, progress: RunProgress, { steps }: Timetable): boolean {
  return (progress.step >= steps && progress.stepInEpoch === 0) || endsEarly(config, progress)
}

/** After each `evaluateEvery` epochs, after the last, and where a snapshot is taken; never without test images. */
function evaluationIsDue({ prepared, progress, timetable }: RunningRun): boolean {
  if (prepared.dataset.test.count === 0) return false
  if (endsCycle(prepared.config, progress.epoch)) return true
  return (progress.epoch + 1) % prepared.config.evaluateEvery === 0 || progress.step === timetable.steps
}

/** Evaluates and notes the best. */
async function evaluateEpoch(run: RunningRun): Promise<EvalLine> {
  const { prepared, session, timetable, log, hooks } = run
  const { step, epoch, best } = run.progress
  let [first, predictions]: [boolean, Predictions | null] = [true, null]
  const network = await evaluateState(prepared, session, 'test', {
    step,
    epoch,
    lr: timetable.learningRate(step - 1),
    stop: hooks.stop,
    onPredictions: (taken) => {
      predictions = taken
    },
    onProgress: (images, all) => {
      hooks.display.evaluating(images, all, first)
      first = false
    },
  })
  const result = endsCycle(prepared.config, epoch) ? await takeSnapshot(run, network) : network
  log.append(result)
  if (predictions !== null) await writeClasses(run, network, predictions)
  const error = result.top1_error.mean
  if (best === null || error < best.error) run.progress = { ...run.progress, best: { step, error } }
  return result
}

/** A run goes on without this file. */
async function writeClasses(
  { prepared, files, hooks }: RunningRun,
  line: EvalLine,
  predictions: Predictions,
): Promise<void> {
  try {
    await writeJson(files.classes, countClasses(line, predictions, prepared.dataset.description.classNames))
  } catch (error) {
    hooks.display.note(error instanceof Error ? error.message : String(error))
  }
}

/** The cycle's network joins the ensemble, which is evaluated beside it. */
async function takeSnapshot(run: RunningRun, network: EvalLine): Promise<EvalLine> {
  const { prepared, session, progress, hooks, lock } = run
  await lock.check()
  await saveSnapshot(prepared, progress.epoch)
  const taken = snapshotsTaken(prepared.config, progress.epoch + 1)
  return await withSnapshotEnsemble(prepared, { pipeline: session.pipeline, stop: hooks.stop }, 'test', taken, network)
}
