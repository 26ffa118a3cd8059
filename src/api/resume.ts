/** A run that goes on. */
import { type ConfigFault, refuseFaults } from '../config/config-fault.ts'
import { findHostPlace } from '../config/host-place.ts'
import { type GivenSettings, readConfig } from '../config/make-config.ts'
import type { RunConfig } from '../config/run-config.ts'
import type { ProgressDisplay } from '../report/progress.ts'
import { latestCheckpoint } from '../train/checkpoint/checkpoint.ts'
import { loadImages } from '../train/run/load-images.ts'
import { refuseShorter } from '../train/run/longer-run.ts'
import { readConfigWithImages } from '../train/run/run-images.ts'
import { expected } from '../vocabulary/fault.ts'
import { type Beginning, explained, follow, lead } from './begin.ts'
import { displayFor, type RunControl } from './control.ts'
import { type RankedOutcome, type Run, runOf } from './run.ts'
import { type OwnSettings, type ResumeSettings, settingsOf, strangeSettings } from './settings.ts'
import { CONTROLS, type HostChoice } from './train.ts'

/**
 * What a resumed run may have otherwise than before, and how the caller follows it. Definitions that the run began with and
 * that were given in code are given again; modules that lie elsewhere now as well.
 */
export interface ResumeOptions extends Partial<ResumeSettings>, OwnSettings, HostChoice, RunControl {
  /** Train longer: more epochs than the run has. The schedule of the learning rate is then that of all of them. */
  readonly epochs?: number
  /** Processes that train together, as many as before. */
  readonly hosts?: number
}

/**
 * Goes on with a run from its newest checkpoint, to the same bits as if it had never stopped; as `native-ensemble resume`.
 * @param folder of the run
 * @throws UserFault where there is no such run, its images, modules or settings are not those it began with, and as train
 */
export async function resume(folder: string, options: ResumeOptions = {}): Promise<Run> {
  return runOf(await resumeRun(folder, options, [], displayFor(options.log)))
}

/** As resume, for the command line. @param faults what the caller found wrong already */
export async function resumeRun(
  folder: string,
  options: ResumeOptions,
  faults: readonly ConfigFault[],
  display: ProgressDisplay,
): Promise<RankedOutcome> {
  return await explained(async () => {
    const { place, faults: hostFaults } = findHostPlace(options, process.env)
    const given = settingsOf(options, [...CONTROLS, 'hosts'])
    refuseFaults([...faults, ...hostFaults, ...strangeSettings(given, 'resume', ['epochs'])], 'this command')
    const beginning: Beginning = { command: 'resume', control: options, display, place }
    try {
      if (place !== null && place.rank > 0) return await follow(beginning, place, given, folder)
      const config = await readSettings(folder, given)
      refuseOtherHosts(config.hosts, place?.hosts ?? 1)
      const images = loadImages(config)
      const { resume } = await import('../train/run/train.ts')
      return await lead(beginning, config, (hooks) => resume(config, images, hooks))
    } finally {
      display.close()
    }
  })
}

/** @throws UserFault also where the run is to be longer and cannot be */
async function readSettings(run: string, given: GivenSettings): Promise<RunConfig> {
  const { epochs, ...others } = given
  if (epochs === undefined) return await readConfigWithImages(run, given)
  const before = await readConfig(run, others)
  if (typeof epochs === 'number') refuseShorter(before, epochs)
  if ((await latestCheckpoint(run)) === null) {
    throw expected('a run with a checkpoint', '--epochs', run, 'Resume it without --epochs until it has one.')
  }
  return await readConfigWithImages(run, given)
}

/** As with the devices, another number of hosts gives other numbers. @throws UserFault */
function refuseOtherHosts(before: number, now: number): void {
  if (before === now) return
  const remedy =
    before === 1
      ? 'It was trained on one host: resume it with --hosts 1.'
      : 'Start resume on as many hosts, each with --hosts, --host-rank and --coordinator.'
  throw expected(`${before}, as before`, '--hosts', now, remedy)
}
