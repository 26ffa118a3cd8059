/**
 * Compares as Python's sorted() does, by code points: JavaScript's own order is by UTF-16 words, of which the halves of a
 * surrogate pair come before U+E000, and localeCompare's depends on the machine.
 */
export function byCodePoints(one: string, other: string): number {
  const length = Math.min(one.length, other.length)
  for (let place = 0; place < length; place++) {
    const [left, right] = [one.charCodeAt(place), other.charCodeAt(place)]
    if (left !== right) return rankOf(left) - rankOf(right)
  }
  return one.length - other.length
}

/** Surrogates last. */
function rankOf(word: number): number {
  if (word >= 0xe000) return word - 0x800
  return word >= 0xd800 ? word + 0x2000 : word
}
