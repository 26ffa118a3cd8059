/** How far two results of the same arithmetic may lie apart: |actual - wanted| <= relative |wanted| + scale max|wanted|. */
export interface Tolerance {
  readonly relative: number
  /** Allowance for elements that are small because large terms cancelled. */
  readonly scale: number
}

/** The worst element beyond the tolerance in words, null where all are within. */
export function difference(actual: ArrayLike<number>, wanted: ArrayLike<number>, tolerance: Tolerance): string | null {
  if (actual.length !== wanted.length) return `${actual.length} elements, not ${wanted.length}`
  const largest = Array.from(wanted, Math.abs).reduce((most, size) => Math.max(most, size), 0)
  let worst = { excess: 0, words: '' }
  for (let place = 0; place < wanted.length; place++) {
    const [mine, theirs] = [actual[place] ?? Number.NaN, wanted[place] ?? Number.NaN]
    const allowed = tolerance.relative * Math.abs(theirs) + tolerance.scale * largest
    const excess = Math.abs(mine - theirs) - allowed
    // A NaN is no number within anything.
    if (Number.isNaN(excess) || excess > worst.excess) {
      const words = `element ${place} is ${mine}, not ${theirs} +- ${allowed} (largest ${largest})`
      worst = { excess: Number.isNaN(excess) ? Number.POSITIVE_INFINITY : excess, words }
    }
  }
  return worst.excess > 0 ? worst.words : null
}

/** The differences of tensors by name, in words; empty where all agree. */
export function differences(
  actual: ReadonlyMap<string, ArrayLike<number>>,
  wanted: ReadonlyMap<string, ArrayLike<number>>,
  tolerance: Tolerance,
): string[] {
  return [...wanted].flatMap(([name, elements]) => {
    const words = difference(actual.get(name) ?? [], elements, tolerance)
    return words === null ? [] : [`${name}: ${words}`]
  })
}

/** max|actual - wanted| / max|wanted|. */
export function distanceOfScale(actual: ArrayLike<number>, wanted: ArrayLike<number>): number {
  let [apart, largest] = [0, 0]
  for (let place = 0; place < wanted.length; place++) {
    apart = Math.max(apart, Math.abs((actual[place] ?? Number.NaN) - (wanted[place] ?? Number.NaN)))
    largest = Math.max(largest, Math.abs(wanted[place] ?? Number.NaN))
  }
  return apart / largest
}
