/** Checks a whole RunConfig and tells all that is wrong with it at once. */
import { UserFault } from '../vocabulary/fault.ts'
import { nearestNetwork } from '../vocabulary/nearest-network.ts'
import { didYouMean } from '../vocabulary/nearest-word.ts'
import { parseNetworkName } from '../vocabulary/network-name.ts'
import { type ConfigFault, fault, printReceived, refuseFaults } from './config-fault.ts'
import { configSchema } from './config-schema.ts'
import { findContradictions } from './contradictions.ts'
import { DEFAULTS, methodDefaults } from './defaults.ts'
import { parseDevices } from './devices.ts'
import { OPTION_TABLE, type OptionKey } from './option-table.ts'
import type { RunConfig } from './run-config.ts'

/**
 * @param value a complete configuration, from options or from a file
 * @param given settings that someone chose, as against defaults: only those can contradict another
 */
export function findFaults(value: unknown, given: ReadonlySet<string>): ConfigFault[] {
  const checked = configSchema.safeParse(value)
  if (checked.success) return findContradictions(checked.data, given, new Set())
  const faults = new Map<string, ConfigFault>()
  for (const issue of checked.error.issues) {
    const names = issue.code === 'unrecognized_keys' ? issue.keys : [String(issue.path[0] ?? '')]
    for (const name of names) if (!faults.has(name)) faults.set(name, faultOf(name, value))
  }
  // Contradictions between the settings that are good are told as well.
  const mended = configSchema.safeParse({ ...STAND_IN, ...withoutKeys(value, faults) })
  const contradictions = mended.success ? findContradictions(mended.data, given, new Set(faults.keys())) : []
  return [...faults.values(), ...contradictions]
}

/** Takes the place of settings that are wrong while the others are compared. */
const STAND_IN: RunConfig = { ...DEFAULTS, ...methodDefaults('one', null), recipe: null, rampUp: 0, out: '.' }

function withoutKeys(value: unknown, keys: ReadonlyMap<string, unknown>): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return {}
  return Object.fromEntries(Object.entries(value).filter(([key]) => !keys.has(key)))
}

/**
 * @param place where the value comes from, for the message
 * @throws UserFault that lists all faults
 */
export function checkConfig(value: unknown, given: ReadonlySet<string>, place: string): RunConfig {
  refuseFaults(findFaults(value, given), place)
  return configSchema.parse(value)
}

function isOptionKey(name: string): name is OptionKey {
  return Object.hasOwn(OPTION_TABLE, name)
}

function faultOf(name: string, config: unknown): ConfigFault {
  const received = typeof config === 'object' && config !== null ? Reflect.get(config, name) : config
  if (!isOptionKey(name)) {
    if (name === 'recipe') return fault('a name or null', 'recipe', received, 'Take the file from a copy.')
    return {
      message: `Expected a setting that there is but received ${name || printReceived(config)}`,
      remedy: 'Remove it.',
    }
  }
  if (name === 'devices' && typeof received === 'string') {
    try {
      parseDevices(received)
    } catch (error) {
      if (error instanceof UserFault) return error
    }
  }
  const { flag, expects } = OPTION_TABLE[name]
  return fault(expects, flag, received, remedyOf(name, received))
}

function remedyOf(name: OptionKey, received: unknown): string {
  const { flag, expects } = OPTION_TABLE[name]
  if (name === 'network' || name === 'teacherNetwork') {
    const depth = Number(/^resnet-(\d+)$/.exec(String(received))?.[1])
    if (!Number.isNaN(depth)) return nearestDepths(depth)
    const meant = nearestNetwork(String(received))
    if (meant !== null) return `Did you mean ${meant}?`
    return 'Choose one of these, such as resnet-32, resnext-29-8x64d, densenet-bc-100-12 or imagenet-resnet-18.'
  }
  return didYouMean(received, wordsOf(expects), `Leave ${flag} out for its default, or correct it.`)
}

/** Of CIFAR's ResNets, and the ImageNet one of this depth where there is one. */
function nearestDepths(depth: number): string {
  const below = Math.max(1, Math.floor((depth - 2) / 6)) * 6 + 2
  const other = parseNetworkName(`imagenet-resnet-${depth}`) === null ? '' : `, or imagenet-resnet-${depth}`
  return `Nearest depths: resnet-${below} and resnet-${below + 6}${other}.`
}

/** The words of `auto, basic or bottleneck`; none where it says something else. */
function wordsOf(expects: string): string[] {
  return /^[\w-]+(?:, [\w-]+)* or [\w-]+$/.test(expects) ? expects.split(/, | or /) : []
}
