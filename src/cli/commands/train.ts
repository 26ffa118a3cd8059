import { makeConfig } from '../../config/make-config.ts'
import { givenSettings } from '../given-settings.ts'
import type { Invocation } from '../invocation.ts'
import { runTraining } from './training.ts'

/** `train [recipe]`: everything that is wrong is told before anything is made or loaded. */
export async function trainCommand({ operands, options, faults }: Invocation): Promise<number> {
  const config = await makeConfig(operands[0] ?? null, givenSettings(options), faults)
  const { train } = await import('../../trainer/train.ts')
  return await runTraining(train, config, options['json'] === true)
}
