import { makeConfig } from '../../config/make-config.ts'
import { loadImages } from '../../trainer/load-images.ts'
import { checkRunFolder } from '../../trainer/run-folder.ts'
import { givenSettings } from '../given-settings.ts'
import type { Invocation } from '../invocation.ts'
import { runTraining } from './training.ts'

/** `train [recipe]`: everything that is wrong is told before anything is made or loaded. */
export async function trainCommand({ operands, options, faults }: Invocation): Promise<number> {
  const config = await makeConfig(operands[0] ?? null, givenSettings(options), faults)
  await checkRunFolder(config.out)
  const images = loadImages(config)
  const { train } = await import('../../trainer/train.ts')
  return await runTraining((hooks) => train(config, images, hooks), options['json'] === true)
}
