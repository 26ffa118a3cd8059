import { fault } from '../../config/config-fault.ts'
import { findHostPlace, type HostPlace } from '../../config/host-place.ts'
import { type GivenSettings, makeConfig } from '../../config/make-config.ts'
import type { RunConfig } from '../../config/run-config.ts'
import { loadImages } from '../../train/run/load-images.ts'
import { checkRunFolder, inFreshFolder } from '../../train/run/run-folder.ts'
import { givenSettings } from '../given-settings.ts'
import type { Invocation } from '../invocation.ts'
import { runTraining } from './training.ts'

/** `train [recipe]`: everything that is wrong is told before anything is made or loaded. */
export async function trainCommand({ operands, options, faults }: Invocation): Promise<number> {
  const json = options['json'] === true
  const profile = options['profile'] === true
  const { place, faults: hostFaults } = findHostPlace(options, process.env)
  const given: GivenSettings = { ...givenSettings(options), ...(place === null ? {} : { hosts: place.hosts }) }
  const profileFaults =
    profile && given['executor'] === 'tfjs'
      ? [fault('--executor cpu', '--profile', '--executor tfjs', 'Leave one of the two out.')]
      : []
  if (profile && place !== null)
    profileFaults.push(fault('one host', '--profile', `--hosts ${place.hosts}`, 'Add --hosts 1.'))
  const config = await makeConfig(operands[0] ?? null, given, [...faults, ...hostFaults, ...profileFaults])
  if (profile) {
    const { profileTraining } = await import('./profile.ts')
    return await profileTraining(config, json)
  }
  if (place !== null && place.rank > 0) {
    const { followTraining } = await import('./several-hosts.ts')
    return await followTraining(place, 'train', config)
  }
  if (given['out'] === undefined) {
    return await inFreshFolder(config.out, (out) => trainIn({ ...config, out }, place, json))
  }
  return await trainIn(config, place, json)
}

async function trainIn(config: RunConfig, place: HostPlace | null, json: boolean): Promise<number> {
  await checkRunFolder(config.out)
  const images = loadImages(config)
  const { train } = await import('../../train/run/train.ts')
  if (place !== null) {
    const { leadTraining } = await import('./several-hosts.ts')
    return await leadTraining(place, 'train', config, (hooks) => train(config, images, hooks), json)
  }
  return await runTraining(config, (hooks) => train(config, images, hooks), json)
}
