import { refuseFaults } from '../../config/config-fault.ts'
import { findHostPlace } from '../../config/host-place.ts'
import { type GivenSettings, readConfig } from '../../config/make-config.ts'
import type { RunConfig } from '../../config/run-config.ts'
import { latestCheckpoint } from '../../train/checkpoint/checkpoint.ts'
import { loadImages } from '../../train/run/load-images.ts'
import { refuseShorter } from '../../train/run/longer-run.ts'
import { readConfigWithImages } from '../../train/run/run-images.ts'
import { expected } from '../../vocabulary/fault.ts'
import { givenSettings } from '../given-settings.ts'
import type { Invocation } from '../invocation.ts'
import { runTraining } from './training.ts'

/** `resume <run>`. */
export async function resumeCommand({ operands, options, faults }: Invocation): Promise<number> {
  const { place, faults: hostFaults } = findHostPlace(options, process.env)
  refuseFaults([...faults, ...hostFaults], 'this command')
  if (place !== null && place.rank > 0) {
    const { followTraining } = await import('./several-hosts.ts')
    return await followTraining(place, 'resume', givenSettings(options))
  }
  const config = await readSettings(operands[0] ?? '', givenSettings(options))
  refuseOtherHosts(config.hosts, place?.hosts ?? 1)
  const images = loadImages(config)
  const { resume } = await import('../../train/run/train.ts')
  const json = options['json'] === true
  if (place !== null) {
    const { leadTraining } = await import('./several-hosts.ts')
    return await leadTraining(place, 'resume', config, (hooks) => resume(config, images, hooks), json)
  }
  return await runTraining(config, (hooks) => resume(config, images, hooks), json)
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
