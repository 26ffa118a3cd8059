/** Settings as a caller gives them. */
import type { ConfigFault } from '../config/config-fault.ts'
import { OPTION_KEYS, type OPTION_TABLE, settingsThat } from '../config/option-table.ts'
import { isOwnValue, OWN_SETTINGS } from '../config/own-modules.ts'
import type { RunConfig } from '../config/run-config.ts'
import type { SettingCommand } from '../config/setting.ts'
import type { OwnDataset } from '../data/datasets/own-dataset.ts'
import type { OwnMethod } from '../engine/methods/own-methods.ts'
import type { Network } from '../engine/networks/network.ts'
import type { OwnOptimizer } from '../engine/optimizers/own-optimizers.ts'
import { didYouMean } from '../vocabulary/nearest-word.ts'
import { isRecord } from '../vocabulary/own-definitions.ts'
import type { Choice } from './choices.ts'
import type { AugmentationReference } from './define.ts'

type Rows = typeof OPTION_TABLE

/** Names of the package, or any other text: the path of a module. */
type Words<Names extends string> = Names | (string & {})

/** Settings that take a definition of your own as well: made by a `define` function, or a module by its path or URL. */
export interface OwnSettings {
  /** `resnet-32`, `densenet-bc-100-12`, ...; default `resnet-32`. */
  readonly network?: string | URL | Network
  /** Default `one`. */
  readonly method?: Words<RunConfig['method']> | URL | OwnMethod | Choice<'method'>
  /** Default `sgd`. */
  readonly optimizer?: Words<RunConfig['optimizer']> | URL | OwnOptimizer
  /** Default `cifar100`. */
  readonly dataset?: Words<RunConfig['dataset']> | URL | OwnDataset | Choice<'dataset'>
  /** Default `standard`. */
  readonly augment?: Words<RunConfig['augment']> | URL | AugmentationReference
}

/** Settings that a command takes beside those that the run has already. */
type SettingsOf<Command extends SettingCommand> = {
  [Key in keyof Rows]: Rows[Key] extends { readonly commands: readonly (infer Taking)[] }
    ? Command extends Taking
      ? Key
      : never
    : never
}[keyof Rows]

/** Every setting of `native-ensemble train` by its camelCase name; those left out have the defaults of the command line. */
export type Settings = Omit<RunConfig, 'recipe' | 'modules' | keyof OwnSettings>

/** Settings that a resumed run may have otherwise: what changes no number, and where files are now. */
export type ResumeSettings = Pick<RunConfig, SettingsOf<'resume'>>

/** Settings that an evaluation may have otherwise than the run. */
export type EvaluationSettings = Pick<RunConfig, SettingsOf<'evaluate'>>

/** Given values under the names of settings; undefined ones count as left out. */
export function settingsOf(options: object, others: readonly string[]): Record<string, unknown> {
  const given = Object.entries(options).filter(([name, value]) => value !== undefined && !others.includes(name))
  return Object.assign({}, ...given.map(([name, value]) => (isChoice(value) ? value.settings : { [name]: value })))
}

function isChoice(value: unknown): value is Choice<string> {
  return isRecord(value) && isRecord(value['settings'])
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
  return Object.entries(given)
    .filter(([name, value]) => !known.includes(name) && !(Object.hasOwn(OWN_SETTINGS, name) && isOwnValue(value)))
    .map(([name]) => ({
      message: `Expected one of ${known.join(', ')} for ${command} but received ${name}`,
      remedy: didYouMean(name, known, usual),
    }))
}
