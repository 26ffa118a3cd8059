import { fault } from '../../config/config-fault.ts'
import { makeConfig } from '../../config/make-config.ts'
import { loadImages } from '../../trainer/load-images.ts'
import { checkRunFolder } from '../../trainer/run-folder.ts'
import { givenSettings } from '../given-settings.ts'
import type { Invocation } from '../invocation.ts'
import { runTraining } from './training.ts'

/** `train [recipe]`: everything that is wrong is told before anything is made or loaded. */
export async function trainCommand({ operands, options, faults }: Invocation): Promise<number> {
  const json = options['json'] === true
  const profile = options['profile'] === true
  const given = givenSettings(options)
  const profileFaults =
    profile && given['executor'] === 'tfjs'
      ? [fault('--executor onednn', '--profile', '--executor tfjs', 'Leave one of the two out.')]
      : []
  const config = await makeConfig(operands[0] ?? null, given, [...faults, ...profileFaults])
  if (profile) {
    const { profileTraining } = await import('./profile.ts')
    return await profileTraining(config, json)
  }
  await checkRunFolder(config.out)
  const images = loadImages(config)
  const { train } = await import('../../trainer/train.ts')
  return await runTraining(config, (hooks) => train(config, images, hooks), json)
}
