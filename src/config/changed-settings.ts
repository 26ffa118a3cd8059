/** Whether config.json still says what a run was trained with. */
import { UserFault } from '../vocabulary/fault.ts'
import { printReceived } from './config-fault.ts'
import { DEFAULTS, WITHOUT_METHOD } from './defaults.ts'
import { withPresentWords } from './earlier-words.ts'
import { type OptionKey, settingsThat } from './option-table.ts'
import type { RunConfig } from './run-config.ts'

const BOUND = settingsThat(({ onResume }) => onResume !== 'free')

/**
 * @param stored what a checkpoint has of the configuration
 * @param source of it, for the message
 * @throws UserFault that names each setting that differs; more epochs than before are no fault (`resume --epochs`)
 */
export function refuseChangedSettings(config: RunConfig, place: string, stored: unknown, source: string): void {
  const before: Readonly<Record<string, unknown>> = { ...DEFAULTS, ...WITHOUT_METHOD, ...storedSettings(stored) }
  const changed = BOUND.filter(
    (key) => before[key] !== undefined && before[key] !== config[key] && !isLonger(key, before, config),
  )
  const words = changed.map(
    (key) => `${key} ${printReceived(before[key])} there and ${printReceived(config[key])} here`,
  )
  const [then, now] = [printReceived(before['modules']), printReceived(config.modules)]
  if (then !== now) words.push(`modules ${then} there and ${now} here`)
  if (words.length === 0) return
  throw new UserFault(
    `Expected the settings of ${source} for ${place} but received others: ${words.join(', ')}`,
    'Put them back as they were: other settings are another run (native-ensemble train --init <exported weights>).',
  )
}

/** Epochs that a run was planned for when the checkpoint was saved. */
export function plannedEpochs(stored: unknown): number | null {
  const epochs = storedSettings(stored)['epochs']
  return typeof epochs === 'number' ? epochs : null
}

function storedSettings(stored: unknown): Readonly<Record<string, unknown>> {
  return typeof stored === 'object' && stored !== null ? withPresentWords({ ...stored }) : {}
}

function isLonger(key: OptionKey, before: Readonly<Record<string, unknown>>, { epochs }: RunConfig): boolean {
  return key === 'epochs' && typeof before['epochs'] === 'number' && epochs > before['epochs']
}
