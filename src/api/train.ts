/** A new run. */
import type { ConfigFault } from '../config/config-fault.ts'
import { findHostPlace } from '../config/host-place.ts'
import { makeConfig } from '../config/make-config.ts'
import type { RunConfig } from '../config/run-config.ts'
import { NO_FILE, readSettingsFile } from '../config/settings-file.ts'
import type { ProgressDisplay } from '../report/progress.ts'
import { loadImages } from '../train/run/load-images.ts'
import { checkRunFolder, inFreshFolder } from '../train/run/run-folder.ts'
import { type Beginning, explained, follow, lead } from './begin.ts'
import { displayFor, type RunControl } from './control.ts'
import { type RankedOutcome, type Run, runOf } from './run.ts'
import { type OwnSettings, type Settings, settingsOf } from './settings.ts'

/** Which of several hosts this process is, where no launcher (srun, torchrun, mpiexec, Kubernetes) says so. */
export interface HostChoice {
  /** From 0; rank 0 writes the run. */
  readonly hostRank?: number
  /** `<host>:<port>`: where rank 0 listens. */
  readonly coordinator?: string
}

/** Settings of a new run, and how the caller follows it. */
export interface TrainOptions extends Partial<Settings>, OwnSettings, HostChoice, RunControl {
  /** Name of a recipe (`native-ensemble recipes` lists them), which the settings given here change. */
  readonly recipe?: string
  /** A YAML or JSON file of settings (`native-ensemble train --print-config` prints one), which those given here change. */
  readonly config?: string
}

/** What is no setting among the options. */
export const CONTROLS = [
  'recipe',
  'config',
  'hostRank',
  'coordinator',
  'signal',
  'log',
  'onStart',
  'onStep',
  'onEpoch',
  'onCheckpoint',
]

/**
 * Trains a network: the same settings, defaults, checks and errors as `native-ensemble train`. Resolves when the run is
 * finished or stopped. It prints nothing (`log`), installs no signal handlers and never ends the process.
 * @throws UserFault that lists everything that is wrong with the options; for images and folders that cannot be used, before
 *   anything is made; and where training diverges. What a callback throws.
 */
export async function train(options: TrainOptions = {}): Promise<Run> {
  return runOf(await trainRun(options, [], displayFor(options.log)))
}

/** As train, for the command line. @param faults what the caller found wrong already, told together with the rest */
export async function trainRun(
  options: TrainOptions,
  faults: readonly ConfigFault[],
  display: ProgressDisplay,
): Promise<RankedOutcome> {
  return await explained(async () => {
    const file = options.config === undefined ? NO_FILE : await readSettingsFile(options.config)
    const { place, faults: hostFaults } = findHostPlace({ ...file.settings, ...options }, process.env)
    const given = { ...settingsOf(options, CONTROLS), ...(place === null ? {} : { hosts: place.hosts }) }
    const config = await makeConfig(options.recipe ?? null, given, [...faults, ...hostFaults], file)
    const beginning: Beginning = { command: 'train', control: options, display, place }
    try {
      if (place !== null && place.rank > 0) return await follow(beginning, place, config, config.out)
      if ((options.out ?? file.settings['out']) !== undefined) return await trainIn(beginning, config)
      return await inFreshFolder(config.out, (out) => trainIn(beginning, { ...config, out }))
    } finally {
      display.close()
    }
  })
}

async function trainIn(beginning: Beginning, config: RunConfig): Promise<RankedOutcome> {
  await checkRunFolder(config.out)
  const images = loadImages(config)
  const { train } = await import('../train/run/train.ts')
  return await lead(beginning, config, (hooks) => train(config, images, hooks))
}
