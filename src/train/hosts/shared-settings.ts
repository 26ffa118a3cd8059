/** Which settings all hosts of a run must have in common, and where two hosts differ. */
import { parseDevices } from '../../config/devices.ts'
import { OPTION_TABLE, settingsThat } from '../../config/option-table.ts'
import type { RunConfig } from '../../config/run-config.ts'

/** Settings that each host has for itself. */
const HOST_SETTINGS = settingsThat(({ hosts }) => hosts === 'own')
const SHARED_SETTINGS = settingsThat(({ hosts }) => hosts === undefined)

/** The shared ones, printed by the names of their options; of the devices their kind and number. */
export function sharedSettings(config: RunConfig): Record<string, string> {
  const { kind, replicas } = parseDevices(config.devices)
  return {
    ...Object.fromEntries(SHARED_SETTINGS.map((key) => [OPTION_TABLE[key].flag, JSON.stringify(config[key])])),
    '--devices': `${replicas} x ${kind}`,
  }
}

/** Each difference in words, empty where there is none. */
export function differences(
  own: Readonly<Record<string, string>>,
  other: Readonly<Record<string, string>>,
  ownName: string,
  otherName: string,
): string[] {
  const flags = [...new Set([...Object.keys(own), ...Object.keys(other)])]
  return flags.flatMap((flag) =>
    own[flag] === other[flag]
      ? []
      : [`${flag} is ${own[flag] ?? 'unknown'} on ${ownName} and ${other[flag] ?? 'unknown'} on ${otherName}`],
  )
}

/** The leader's configuration with what this host has for itself. */
export function withOwnSettings(leader: RunConfig, own: Partial<RunConfig>): RunConfig {
  const mine = Object.fromEntries(HOST_SETTINGS.flatMap((key) => (own[key] === undefined ? [] : [[key, own[key]]])))
  return { ...leader, ...mine }
}
