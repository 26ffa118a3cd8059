/** Settings as a caller gives them. */
import type { ConfigFault } from '../config/config-fault.ts'
import { OPTION_KEYS, type OPTION_TABLE, settingsThat } from '../config/option-table.ts'
import type { RunConfig } from '../config/run-config.ts'
import type { SettingCommand } from '../config/setting.ts'
import { didYouMean } from '../vocabulary/nearest-word.ts'

type Rows = typeof OPTION_TABLE

/** Settings that a command takes beside those that the run has already. */
type SettingsOf<Command extends SettingCommand> = {
  [Key in keyof Rows]: Rows[Key] extends { readonly commands: readonly (infer Taking)[] }
    ? Command extends Taking
      ? Key
      : never
    : never
}[keyof Rows]

/** Every setting of `native-ensemble train` by its camelCase name; those left out have the defaults of the command line. */
export type Settings = Omit<RunConfig, 'recipe'>

/** Settings that a resumed run may have otherwise: what changes no number, and where files are now. */
export type ResumeSettings = Pick<RunConfig, SettingsOf<'resume'>>

/** Settings that an evaluation may have otherwise than the run. */
export type EvaluationSettings = Pick<RunConfig, SettingsOf<'evaluate'>>

/** Given values under the names of settings; undefined ones count as left out. */
export function settingsOf(options: object, others: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(options).filter(([name, value]) => value !== undefined && !others.includes(name)),
  )
}

/** Names among the settings given that this call has no use for. @param more names beside the command's settings */
export function strangeSettings(
  given: Readonly<Record<string, unknown>>,
  command: SettingCommand,
  more: readonly string[],
): ConfigFault[] {
  const known: string[] = [...settingsThat(({ commands }) => commands?.includes(command) === true), ...more]
  const usual = OPTION_KEYS.some((key) => key in given)
    ? 'The run has its own; another value is another run.'
    : 'Leave it out.'
  return Object.keys(given)
    .filter((name) => !known.includes(name))
    .map((name) => ({
      message: `Expected one of ${known.join(', ')} for ${command} but received ${name}`,
      remedy: didYouMean(name, known, usual),
    }))
}
