import { resumeRun } from '../../api/resume.ts'
import { givenSettings, hostChoice } from '../given-settings.ts'
import type { Invocation } from '../invocation.ts'
import { runTraining } from './training.ts'

/** `resume <run>`. */
export async function resumeCommand({ operands, options, faults }: Invocation): Promise<number> {
  const given = { ...givenSettings(options), ...hostChoice(options) }
  return await runTraining(
    (control, display) => resumeRun(operands[0] ?? '', { ...given, ...control }, faults, display),
    options['json'] === true,
  )
}
