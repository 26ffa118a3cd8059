/** How fast this machine trained before: what its runs measured. */
import { readFile, stat } from 'node:fs/promises'
import { readConfig } from '../config/make-config.ts'
import { settingsThat } from '../config/option-table.ts'
import type { RunConfig } from '../config/run-config.ts'
import { readMetrics } from '../report/metrics.ts'
import { runFiles } from '../report/run-files.ts'
import { findRunsIfAny } from '../report/run-folders.ts'
import { describeMachine } from '../train/run/machine.ts'
import { UserFault } from '../vocabulary/fault.ts'
import { trainingCost } from './training-cost.ts'

export interface MeasuredRun {
  readonly folder: string
  readonly config: RunConfig
  /** Over all epochs, evaluations not counted. */
  readonly imagesPerSecond: number
  /** Last change of its metrics, milliseconds since 1970. */
  readonly time: number
}

/** Training time of a configuration, foretold from a run. */
export interface TimeEstimate {
  readonly seconds: number
  readonly from: string
  /** Whether that run trained the same network by the same method in the same precision; else the FLOPs are compared. */
  readonly same: boolean
}

/** Runs of this machine with at least an epoch, the newest first. Folders that hold no readable run are passed over. */
export async function measuredRuns(folder: string): Promise<MeasuredRun[]> {
  const runs = await Promise.all((await findRunsIfAny(folder)).map(measureRun))
  return runs.filter((run) => run !== null).sort((one, other) => other.time - one.time)
}

async function measureRun(folder: string): Promise<MeasuredRun | null> {
  try {
    const files = runFiles(folder)
    if (!(await isThisMachine(files.machine))) return null
    const epochs = (await readMetrics(files.metrics)).filter((line) => line.kind === 'epoch')
    if (epochs.length === 0) return null
    const seconds = epochs.reduce((sum, line) => sum + line.seconds, 0)
    const images = epochs.reduce((sum, line) => sum + line.images_per_second * line.seconds, 0)
    const config = await readConfig(folder)
    return { folder, config, imagesPerSecond: images / seconds, time: (await stat(files.metrics)).mtimeMs }
  } catch (error) {
    if (error instanceof UserFault) return null
    throw error
  }
}

async function isThisMachine(path: string): Promise<boolean> {
  const here = describeMachine({}, [])
  try {
    const there: unknown = JSON.parse(await readFile(path, 'utf8'))
    return typeof there === 'object' && there !== null && Reflect.get(there, 'cpu') === here.cpu
  } catch {
    return false // A run without its machine cannot tell of this one.
  }
}

/** Settings that decide how long an image takes. */
const WORK = settingsThat(({ work }) => work === true)

/**
 * From the newest run of the same work where there is one, else from the newest run at its FLOPs a second; null where
 * nothing was measured.
 */
export async function estimateTime(config: RunConfig, runs: readonly MeasuredRun[]): Promise<TimeEstimate | null> {
  const same = runs.find((run) => WORK.every((key) => run.config[key] === config[key]))
  const chosen = same ?? runs[0]
  if (chosen === undefined) return null
  const flopsPerSecond = (await trainingCost(chosen.config)).stepFlops * chosen.imagesPerSecond
  const { totalFlops } = await trainingCost(config)
  return { seconds: totalFlops / flopsPerSecond, from: chosen.folder, same: same !== undefined }
}
