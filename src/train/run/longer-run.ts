/** `resume <run> --epochs <more>`: what a longer schedule means for a run that has begun with a shorter one. */
import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { plannedEpochs } from '../../config/changed-settings.ts'
import type { RunConfig } from '../../config/run-config.ts'
import { takesSnapshots } from '../../engine/methods/registry.ts'
import { runFiles } from '../../report/run-files.ts'
import { writeWhole } from '../../report/write-whole.ts'
import { expected } from '../../vocabulary/fault.ts'
import type { RunProgress } from '../checkpoint/run-state.ts'
import { learningRate } from './schedule.ts'
import type { Timetable } from './timetable.ts'

/**
 * @param config of the run as it is
 * @param epochs that it is to have
 * @throws UserFault where such a run cannot be made longer, or this would not be longer
 */
export function refuseShorter({ epochs: planned, steps, method, scale, out }: RunConfig, epochs: number): void {
  const anew = 'Train a new run from its weights: native-ensemble export, then train --init.'
  if (steps !== null) {
    throw expected('a run counted in epochs', '--epochs', `${out}, which has --steps ${steps}`, anew)
  }
  if (takesSnapshots(method)) {
    throw expected(
      'a run with one schedule',
      '--epochs',
      `${out}, whose cycles were planned for ${planned} epochs`,
      anew,
    )
  }
  if (scale !== 1) {
    throw expected('a run of whole length', '--epochs', `${out}, which has --scale ${scale} of a recipe`, anew)
  }
  if (epochs <= planned) {
    const remedy = `Leave --epochs out: then it goes on to the end that it was planned for.`
    throw expected(`more than the ${planned} epochs of ${out}`, '--epochs', epochs, remedy)
  }
}

/** Keeps the new length in config.json, where all else stays as it is. */
export async function keepLength({ out, epochs }: RunConfig): Promise<void> {
  const { config: path } = runFiles(out)
  // Read before by readConfig, which has checked it.
  const before: object = JSON.parse(await readFile(path, 'utf8'))
  await writeWhole(out, basename(path), `${JSON.stringify({ ...before, epochs }, null, 2)}\n`)
}

/**
 * In words what the longer schedule does to the learning rate; null where the checkpoint was saved with this length.
 * @param config with its new epochs
 */
export function describeLonger(
  config: RunConfig,
  { config: stored, step }: RunProgress,
  { stepsPerEpoch, steps }: Timetable,
): string | null {
  const before = plannedEpochs(stored)
  if (before === null || config.steps !== null || before >= config.epochs) return null
  const { schedule, epochs } = config
  if (schedule === 'constant') {
    return `The run is ${epochs} epochs long instead of ${before}: as it would have been with --epochs ${epochs} from its start.`
  }
  const last = step === 0 ? null : learningRate(config, step - 1, { steps: before * stepsPerEpoch, stepsPerEpoch })
  const jump = last === null ? '' : `, after ${print(last)} in the step before`
  return (
    `The run is ${epochs} epochs long instead of ${before}: from here its ${schedule} schedule is that of ${epochs} epochs ` +
    `(learning rate ${print(learningRate(config, step, { steps, stepsPerEpoch }))}${jump}). What was trained before keeps the schedule of ` +
    `${before}, so the result is not that of a run with --epochs ${epochs} from its start.`
  )
}

const print = (rate: number) => String(Number(rate.toPrecision(4)))
