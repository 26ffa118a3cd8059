/** What `train` and `resume` have in common: alone, as the leader of several hosts, or as one that follows. */
import { type HostPlace, printAddress } from '../config/host-place.ts'
import type { RunConfig } from '../config/run-config.ts'
import type { ProgressDisplay } from '../report/progress.ts'
import type { TrainHooks } from '../train/run/running-run.ts'
import type { TrainOutcome } from '../train/run/train.ts'
import { explainSystemError } from '../vocabulary/file-fault.ts'
import { Observation, type RunControl } from './control.ts'
import type { RankedOutcome } from './run.ts'

export type TrainingCommand = 'train' | 'resume'

/** A call that is to train. */
export interface Beginning {
  readonly command: TrainingCommand
  readonly control: RunControl
  readonly display: ProgressDisplay
  /** null = this process trains alone. */
  readonly place: HostPlace | null
}

/** Trains alone, or as rank 0: waits for the others, trains with them, ends them as it ends. */
export async function lead(
  { command, control, display, place }: Beginning,
  config: RunConfig,
  training: (hooks: TrainHooks) => Promise<TrainOutcome>,
): Promise<RankedOutcome> {
  const observation = new Observation(control)
  const run = async (more: Partial<TrainHooks>) => {
    control.onStart?.({ folder: config.out, rank: 0 })
    if (more.hosts !== undefined) display.note(`Training on ${place?.hosts} hosts.`)
    const observe = (folder: string) => observation.observe(folder)
    const { files, ...outcome } = await training({ display, stop: observation.stop, observe, ...more })
    // Before the others are told that all went well.
    observation.rethrow()
    return { ...outcome, folder: files.folder, rank: 0 }
  }
  if (place === null) return await run({})
  const { findClusterKey } = await import('../train/hosts/cluster-key.ts')
  const { HostLeader } = await import('../train/hosts/host-leader.ts')
  const key = findClusterKey(place.coordinator, process.env)
  const hosts = await HostLeader.gather(place, key, command, config, (text) => display.note(text))
  try {
    const outcome = await run({ hosts, stop: AbortSignal.any([observation.stop, hosts.stopRequested]) })
    await hosts.finish(outcome.ended)
    return outcome
  } catch (error) {
    await hosts.fail(error)
    throw error
  }
}

/**
 * Any other rank: trains its part of each batch until rank 0 ends.
 * @param own settings of this host; all of the run's where it is new, to be compared with rank 0's
 * @param folder as this host names the run
 */
export async function follow(
  { command, control, display }: Beginning,
  place: HostPlace,
  own: RunConfig | Partial<RunConfig>,
  folder: string,
): Promise<RankedOutcome> {
  const { findClusterKey } = await import('../train/hosts/cluster-key.ts')
  const { HostFollower } = await import('../train/hosts/host-follower.ts')
  const { sharedSettings } = await import('../train/hosts/shared-settings.ts')
  const { followHosts } = await import('../train/run/follow-hosts.ts')
  const { loadImages } = await import('../train/run/load-images.ts')
  const { hosts: count, rank, coordinator } = place
  const key = findClusterKey(coordinator, process.env)
  display.note(
    `Host ${rank} of ${count}: host 0 at ${printAddress(coordinator)} shows the progress and writes the run; ` +
      'nothing is written here.',
  )
  const settings = command === 'train' && isWhole(own) ? sharedSettings(own) : null
  const hosts = await HostFollower.join(place, key, command, settings)
  const requestStop = () => hosts.requestStop()
  control.onStart?.({ folder, rank })
  control.signal?.addEventListener('abort', requestStop)
  try {
    if (control.signal?.aborted) requestStop()
    const ended = await followHosts(hosts, own, loadImages)
    hosts.close()
    return { folder, ended, step: 0, evaluation: null, rank }
  } catch (error) {
    await hosts.fail(error)
    throw error
  } finally {
    control.signal?.removeEventListener('abort', requestStop)
  }
}

function isWhole(config: RunConfig | Partial<RunConfig>): config is RunConfig {
  return config.network !== undefined && config.out !== undefined
}

/** What a file system refused is told as the user's fault that it is. */
export async function explained<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw explainSystemError(error)
  }
}
