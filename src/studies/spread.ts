/** What several measurements of one thing say together. */

export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

/** @param measured one or more */
export function spreadOf(measured: readonly number[]): Spread {
  const sorted = measured.toSorted((one, other) => one - other)
  const at = (place: number) => sorted[place] ?? Number.NaN
  const half = (sorted.length - 1) / 2
  return { median: (at(Math.floor(half)) + at(Math.ceil(half))) / 2, min: at(0), max: at(sorted.length - 1) }
}
