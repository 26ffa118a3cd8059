/** Checks a whole RunConfig and tells all that is wrong with it at once. */
import { didYouMean } from '../vocabulary/nearest-word.ts'
import { type ConfigFault, fault, printReceived, refuseFaults } from './config-fault.ts'
import { findContradictions } from './contradictions.ts'
import { DEFAULTS, methodDefaults } from './defaults.ts'
import { OPTION_KEYS, OPTION_TABLE, type OptionKey, settingOf } from './option-table.ts'
import type { RunConfig } from './run-config.ts'

/**
 * @param value a complete configuration, from options or from a file
 * @param given settings that someone chose, as against defaults: only those can contradict another
 */
export function findFaults(value: unknown, given: ReadonlySet<string>): ConfigFault[] {
  if (isRunConfig(value)) return findContradictions(value, given, new Set())
  const faults = new Map(wrongKeys(value).map((name) => [name, faultOf(name, value)]))
  // Contradictions between the settings that are good are told as well.
  const mended: unknown = { ...STAND_IN, ...withoutKeys(value, faults) }
  const contradictions = isRunConfig(mended) ? findContradictions(mended, given, new Set(faults.keys())) : []
  return [...faults.values(), ...contradictions]
}

type Keyed = Readonly<Record<string, unknown>>

function isKeyed(value: unknown): value is Keyed {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isTextRecord(value: unknown): boolean {
  return isKeyed(value) && Object.values(value).every((text) => typeof text === 'string')
}

/** Whether each setting is one that its row accepts, and there are no others. */
function isRunConfig(value: unknown): value is RunConfig {
  return wrongKeys(value).length === 0
}

/** Names of the settings that are wrong, missing or unknown; an empty name for what is no configuration at all. */
function wrongKeys(value: unknown): string[] {
  if (!isKeyed(value)) return ['']
  const { recipe, modules } = value
  return [
    ...(recipe === null || typeof recipe === 'string' ? [] : ['recipe']),
    ...(modules === undefined || isTextRecord(modules) ? [] : ['modules']),
    ...OPTION_KEYS.filter((key) => !settingOf(key).values.accepts(value[key])),
    ...Object.keys(value).filter((key) => key !== 'recipe' && key !== 'modules' && !isOptionKey(key)),
  ]
}

/** Takes the place of settings that are wrong while the others are compared. */
const STAND_IN: RunConfig = { ...DEFAULTS, ...methodDefaults('one', null), recipe: null, rampUp: 0, out: '.' }

function withoutKeys(value: unknown, keys: ReadonlyMap<string, unknown>): Keyed {
  if (!isKeyed(value)) return {}
  return Object.fromEntries(Object.entries(value).filter(([key]) => !keys.has(key)))
}

/**
 * @param place where the value comes from, for the message
 * @returns the settings in the order of their table
 * @throws UserFault that lists all faults
 */
export function checkConfig(value: unknown, given: ReadonlySet<string>, place: string): RunConfig {
  refuseFaults(findFaults(value, given), place)
  const ordered: unknown = isKeyed(value)
    ? Object.fromEntries(
        ['recipe', ...(value['modules'] === undefined ? [] : ['modules']), ...OPTION_KEYS].map((key) => [
          key,
          value[key],
        ]),
      )
    : value
  if (!isRunConfig(ordered)) throw new Error(`Expected a checked configuration of ${place} but received another`)
  return ordered
}

function isOptionKey(name: string): name is OptionKey {
  return Object.hasOwn(OPTION_TABLE, name)
}

function faultOf(name: string, config: unknown): ConfigFault {
  const received = isKeyed(config) ? config[name] : config
  if (name === 'recipe') return fault('a name or null', 'recipe', received, 'Take the file from a copy.')
  if (name === 'modules') return fault('SHA-256 by setting', name, received, 'Take the file from a copy.')
  if (!isOptionKey(name)) {
    return {
      message: `Expected a setting that there is but received ${name || printReceived(config)}`,
      remedy: 'Remove it.',
    }
  }
  const { flag, values } = settingOf(name)
  return values.fault?.(received) ?? fault(values.expects, flag, received, remedyOf(name, received))
}

function remedyOf(name: OptionKey, received: unknown): string {
  const { flag, values } = settingOf(name)
  const usual = `Leave ${flag} out for its default, or correct it.`
  return values.remedy?.(received) ?? didYouMean(received, values.words ?? [], usual)
}
