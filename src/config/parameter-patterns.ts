/** Patterns that name parameters in options: `layer1`, `layer?.*.conv1`, `!fc`. */

/** Patterns with commas between them; null where one is empty. */
export function parsePatterns(text: string): string[] | null {
  const patterns = text.split(',').map((pattern) => pattern.trim())
  return patterns.every((pattern) => /^!?[\w.*?-]+$/.test(pattern)) ? patterns : null
}

/** `pattern=factor` with commas between them; null where one is none, or a factor is not above 0. */
export function parseFactors(text: string): { readonly pattern: string; readonly factor: number }[] | null {
  const entries = text.split(',').map((entry) => {
    const [, pattern = '', number = ''] = /^\s*([\w.*?-]+)=(\S+)\s*$/.exec(entry) ?? []
    return { pattern, factor: number === '' ? Number.NaN : Number(number) }
  })
  return entries.every(({ pattern, factor }) => pattern !== '' && Number.isFinite(factor) && factor > 0)
    ? entries
    : null
}

/**
 * A pattern means a parameter or all of a layer; `*` stands for any text, `?` for one character. What `!` begins is left out
 * again, whatever stands before it.
 * @param names all that the parameter is called
 */
export function choosesParameter(patterns: readonly string[], names: readonly string[]): boolean {
  const meant = (pattern: string) => names.some((name) => expressionOf(pattern).test(name))
  const excluded = patterns.some((pattern) => pattern.startsWith('!') && meant(pattern.slice(1)))
  return !excluded && patterns.some((pattern) => !pattern.startsWith('!') && meant(pattern))
}

function expressionOf(pattern: string): RegExp {
  const escaped = pattern.replaceAll('.', '\\.').replaceAll('*', '.*').replaceAll('?', '.')
  return new RegExp(`^${escaped}(\\..*)?$`)
}
