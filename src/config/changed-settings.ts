/** Whether config.json still says what a run was trained with. */
import { UserFault } from '../vocabulary/fault.ts'
import { printReceived } from './config-fault.ts'
import { DEFAULTS, WITHOUT_METHOD } from './defaults.ts'
import { RESUMABLE } from './make-config.ts'
import { OPTION_KEYS, type OptionKey } from './option-table.ts'
import type { RunConfig } from './run-config.ts'

/** Settings that change no number of a run, or whose files' contents are compared otherwise. */
const FREE: ReadonlySet<OptionKey> = new Set([...RESUMABLE, 'out', 'init', 'teacher', 'pjrtPlugin', 'tfjsBackend'])

/**
 * @param stored what a checkpoint has of the configuration
 * @param source of it, for the message
 * @throws UserFault that names each setting that differs; more epochs than before are no fault (`resume --epochs`)
 */
export function refuseChangedSettings(config: RunConfig, place: string, stored: unknown, source: string): void {
  const before: Readonly<Record<string, unknown>> = { ...DEFAULTS, ...WITHOUT_METHOD, ...storedSettings(stored) }
  const changed = OPTION_KEYS.filter(
    (key) =>
      !FREE.has(key) && before[key] !== undefined && before[key] !== config[key] && !isLonger(key, before, config),
  )
  if (changed.length === 0) return
  const words = changed.map(
    (key) => `${key} ${printReceived(before[key])} there and ${printReceived(config[key])} here`,
  )
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
  return typeof stored === 'object' && stored !== null ? { ...stored } : {}
}

function isLonger(key: OptionKey, before: Readonly<Record<string, unknown>>, { epochs }: RunConfig): boolean {
  return key === 'epochs' && typeof before['epochs'] === 'number' && epochs > before['epochs']
}
