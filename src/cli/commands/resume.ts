import { refuseFaults } from '../../config/config-fault.ts'
import { readConfig } from '../../config/make-config.ts'
import { loadImages } from '../../trainer/load-images.ts'
import { givenSettings } from '../given-settings.ts'
import type { Invocation } from '../invocation.ts'
import { runTraining } from './training.ts'

/** `resume <run>`. */
export async function resumeCommand({ operands, options, faults }: Invocation): Promise<number> {
  refuseFaults(faults, 'this command')
  const config = await readConfig(operands[0] ?? '', givenSettings(options))
  const images = loadImages(config)
  const { resume } = await import('../../trainer/train.ts')
  return await runTraining(config, (hooks) => resume(config, images, hooks), options['json'] === true)
}
