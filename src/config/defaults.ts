/** Defaults as the rows of the settings say them, and those that follow from other settings. */
import type { MethodSettings } from '../engine/methods/method-definition.ts'
import { METHOD_NAMES, METHODS, type MethodName, readsSetting } from '../engine/methods/registry.ts'
import { OPTIMIZER_NAMES } from '../engine/optimizers/registry.ts'
import { OPTION_KEYS, OPTION_TABLE, type OptionKey, settingOf } from './option-table.ts'
import type { RunConfig } from './run-config.ts'
import type { Setting } from './setting.ts'

type Rows = typeof OPTION_TABLE

/** Settings whose row has this part. */
type KeysWith<Part extends keyof Setting<unknown>> = {
  [Key in OptionKey]: Rows[Key] extends Record<Part, unknown> ? Key : never
}[OptionKey]

/** The paper's settings where it names one (section 4). */
export const DEFAULTS = partOfEach('default')

/**
 * What a method's own settings are where the run has another method, and in the files of runs that were made before there
 * were such settings.
 */
export const WITHOUT_METHOD = partOfEach('neutral')

/** This part of all rows that have it. */
function partOfEach<Part extends 'default' | 'neutral'>(part: Part): Pick<RunConfig, KeysWith<Part>> {
  const entries = OPTION_KEYS.filter((key) => Object.hasOwn(OPTION_TABLE[key], part)).map((key) => [
    key,
    settingOf(key)[part],
  ])
  // Object.fromEntries has lost the keys; the builder of the rows has checked that each part is of its setting's type.
  return Object.fromEntries(entries) as Pick<RunConfig, KeysWith<Part>>
}

/** What the help says of a setting's default; null where it says nothing. */
export function describeDefault(key: OptionKey): string | null {
  const { derived, byOptimizer = {}, default: value } = settingOf(key)
  if (derived !== undefined) return derived
  if (value === null) return null
  const byMethod = METHOD_NAMES.flatMap((method) => {
    const own = new Map<string, unknown>(Object.entries(METHODS[method].defaults(null))).get(key)
    return own === undefined ? [] : [`${own} for ${method}`]
  })
  const others = [...byMethod, ...Object.entries(byOptimizer).map(([name, own]) => `${own} for ${name}`)].join(', ')
  if (value === undefined) return others
  return others === '' ? String(value) : `${value}; ${others}`
}

/** Defaults of the settings that have another one with this optimizer. */
export function optimizerDefaults(optimizer: unknown): Readonly<Record<string, unknown>> {
  const known = OPTIMIZER_NAMES.find((name) => name === optimizer)
  const own = OPTION_KEYS.map((key) => [key, known && settingOf(key).byOptimizer?.[known]])
  return Object.fromEntries(own.filter(([, value]) => value !== undefined))
}

/** Settings that have no default of their own, only one by method. */
const BY_METHOD = OPTION_KEYS.filter((key): key is KeysWith<'byMethod'> => Object.hasOwn(OPTION_TABLE[key], 'byMethod'))

/** @param teacher where the teacher of kd comes from: its run says which network it is */
export function methodDefaults(
  method: MethodName,
  teacher: unknown,
): Pick<RunConfig, KeysWith<'byMethod'> | 'teacherNetwork'> & Partial<MethodSettings> {
  const neutral = BY_METHOD.map((key) => [key, WITHOUT_METHOD[key]])
  return {
    // As in partOfEach.
    ...(Object.fromEntries(neutral) as Pick<RunConfig, KeysWith<'byMethod'>>),
    teacherNetwork: WITHOUT_METHOD.teacherNetwork,
    ...METHODS[method].defaults(teacher),
  }
}

/** ONE's reference ramp-up. */
const RAMP_UP_SHARE = 80 / 300

/** Reference ramp-up of the method, to the nearest epoch; how many epochs a number of steps is only the images tell. */
export function defaultRampUp(method: MethodName, epochs: number, steps: number | null): number {
  const { rampUpShare = RAMP_UP_SHARE } = METHODS[method]
  return readsSetting(method, 'rampUp') && steps === null ? Math.round(epochs * rampUpShare) : 0
}
