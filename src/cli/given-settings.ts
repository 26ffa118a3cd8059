import { OPTION_KEYS, OPTION_TABLE } from '../config/option-table.ts'

/** Settings among a command's options, numbers read as such; text that is no number stays, for the checks to tell of. */
export function givenSettings(options: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const given: Record<string, unknown> = {}
  for (const key of OPTION_KEYS) {
    const value = options[key]
    if (value === undefined) continue
    // An option whose value may be left out: it is then switched on.
    if (value === true) given[key] = 'on'
    else given[key] = OPTION_TABLE[key].values.kind === 'number' ? readNumber(value) : value
  }
  return given
}

function readNumber(value: unknown): unknown {
  const text = String(value).trim()
  return text !== '' && Number.isFinite(Number(text)) ? Number(text) : value
}

/** Which of several hosts this one is, as text; the checks of the hosts read it. */
export function hostChoice({ hostRank, coordinator }: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return { ...(hostRank !== undefined && { hostRank }), ...(coordinator !== undefined && { coordinator }) }
}
