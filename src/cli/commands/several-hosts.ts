/** `train` and `resume` where several hosts train together: rank 0 leads, the others follow. */
import { type HostPlace, printAddress } from '../../config/host-place.ts'
import type { RunConfig } from '../../config/run-config.ts'
import { ProgressDisplay } from '../../report/progress.ts'
import { findClusterKey } from '../../train/hosts/cluster-key.ts'
import { HostFollower } from '../../train/hosts/host-follower.ts'
import { HostLeader } from '../../train/hosts/host-leader.ts'
import type { Hello } from '../../train/hosts/messages.ts'
import { sharedSettings } from '../../train/hosts/shared-settings.ts'
import { followHosts } from '../../train/run/follow-hosts.ts'
import { loadImages } from '../../train/run/load-images.ts'
import type { TrainHooks } from '../../train/run/running-run.ts'
import type { TrainOutcome } from '../../train/run/train.ts'
import { EXIT } from '../failure.ts'
import { listenForInterrupts } from '../interrupt.ts'
import { interruptedCode } from '../signals.ts'
import { PROGRESS_TARGET } from '../streams.ts'
import { runTraining } from './training.ts'

/**
 * Rank 0: waits for the others, trains with them, ends them as it ends.
 * @param training train or resume @returns the exit code
 */
export async function leadTraining(
  place: HostPlace,
  command: Hello['command'],
  config: RunConfig,
  training: (hooks: TrainHooks) => Promise<TrainOutcome>,
  json: boolean,
): Promise<number> {
  const key = findClusterKey(place.coordinator, process.env)
  const hosts = await HostLeader.gather(place, key, command, config, (text) => process.stderr.write(`${text}\n`))
  const led = async (hooks: TrainHooks) => {
    hooks.display.note(`Training on ${place.hosts} hosts.`)
    const stop = AbortSignal.any([hooks.stop, hosts.stopRequested])
    const outcome = await training({ ...hooks, stop, hosts })
    await hosts.finish(outcome.ended)
    return outcome
  }
  try {
    return await runTraining(config, led, json)
  } catch (error) {
    await hosts.fail(error)
    throw error
  }
}

/**
 * Any other rank: trains its part of each batch until rank 0 ends.
 * @param own settings of this host; all of the run's where it is new, to be compared with rank 0's
 * @returns the exit code
 */
export async function followTraining(
  place: HostPlace,
  command: Hello['command'],
  own: RunConfig | Partial<RunConfig>,
): Promise<number> {
  const { hosts: count, rank, coordinator } = place
  const display = new ProgressDisplay(PROGRESS_TARGET)
  const key = findClusterKey(coordinator, process.env)
  const where = printAddress(coordinator)
  display.note(
    `Host ${rank} of ${count}: host 0 at ${where} shows the progress and writes the run; nothing is written here.`,
  )
  const settings = command === 'train' && isWhole(own) ? sharedSettings(own) : null
  const hosts = await HostFollower.join(place, key, command, settings)
  const interruption = listenForInterrupts(display, 'asking host 0 to finish the step and save.')
  interruption.stop.addEventListener('abort', () => hosts.requestStop())
  try {
    const ended = await followHosts(hosts, own, loadImages)
    hosts.close()
    return ended === 'interrupted' ? interruptedCode() : EXIT.done
  } catch (error) {
    await hosts.fail(error)
    throw error
  } finally {
    interruption.dispose()
  }
}

function isWhole(config: RunConfig | Partial<RunConfig>): config is RunConfig {
  return config.network !== undefined && config.out !== undefined
}
