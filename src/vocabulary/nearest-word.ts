/** The known word that takes the fewest edits to reach, null where none is near: not more than `most` edits away. */
export function nearestWord(
  word: string,
  known: readonly string[],
  most = Math.max(2, Math.floor(word.length / 3)),
): string | null {
  let nearest: string | null = null
  let fewest = most + 1
  for (const candidate of known) {
    const edits = editDistance(word, candidate)
    if (edits < fewest) {
      fewest = edits
      nearest = candidate
    }
  }
  return nearest
}

/** `Did you mean x?`, or the other remedy where no known word is near; values are shorter than options, so one edit is much. */
export function didYouMean(value: unknown, known: readonly string[], otherwise: string): string {
  if (typeof value !== 'string') return otherwise
  const word = value.trim().toLowerCase()
  const begun = word.length < 2 ? undefined : known.find((candidate) => candidate.startsWith(word))
  const nearest = begun ?? nearestWord(word, known, Math.max(1, Math.floor(word.length / 3)))
  return nearest === null ? otherwise : `Did you mean ${nearest}?`
}

/** Levenshtein distance: insertions, deletions and replacements of a character. */
function editDistance(left: string, right: string): number {
  let row = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (const [i, character] of [...left].entries()) {
    const next = [i + 1]
    for (const [j, other] of [...right].entries()) {
      const replaced = (row[j] ?? 0) + (character === other ? 0 : 1)
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1))
    }
    row = next
  }
  return row.at(-1) ?? 0
}
