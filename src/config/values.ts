/** What a setting may be: its type, the check of it, and the words for it. */
import { isOwn, type OwnKind } from '../vocabulary/own-definitions.ts'
import type { ConfigFault } from './config-fault.ts'

export interface Values<T> {
  /** Whether the command line reads a number. */
  readonly kind: 'text' | 'number'
  /** Completes `Expected ... for --flag`. */
  readonly expects: string
  readonly accepts: (value: unknown) => value is T
  /** Words that it may be, to find the one that was meant. */
  readonly words?: readonly string[]
  /** A remedy of its own for what was received. */
  readonly remedy?: (received: unknown) => string
  /** A sentence of its own for what was received, null for the usual one. */
  readonly fault?: (received: unknown) => ConfigFault | null
}

/** One lower bound at most, and one upper bound. */
interface Range {
  readonly from?: number
  readonly above?: number
  readonly to?: number
  readonly below?: number
}

export function number(range: Range): Values<number> {
  return {
    kind: 'number',
    expects: `a number${inWords(range)}`,
    accepts: (value): value is number => typeof value === 'number' && Number.isFinite(value) && isWithin(value, range),
  }
}

export function wholeNumber(range: Range): Values<number> {
  return {
    kind: 'number',
    expects: `a whole number${inWords(range)}`,
    accepts: (value): value is number =>
      typeof value === 'number' && Number.isSafeInteger(value) && isWithin(value, range),
  }
}

export function oneOf<const Word extends string>(words: readonly Word[]): Values<Word> {
  return {
    kind: 'text',
    expects: `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`,
    accepts: (value): value is Word => words.some((word) => word === value),
    words,
  }
}

export function text(expects: string, isGood: (value: string) => boolean): Values<string> {
  return { kind: 'text', expects, accepts: (value): value is string => typeof value === 'string' && isGood(value) }
}

export const PATH = text('a path', (path) => path !== '')

/** null is no value of the command line, so that the words do not say it. */
export function orNull<T>(values: Values<T>): Values<T | null> {
  return { ...values, accepts: (value): value is T | null => value === null || values.accepts(value) }
}

/**
 * Also the word of a definition of the user's. It passes as T, which has only the package's words: who looks one up asks for
 * the user's first.
 */
export function orOwn<T>(kind: OwnKind, values: Values<T>): Values<T> {
  return { ...values, accepts: (value): value is T => values.accepts(value) || isOwn(kind, value) }
}

function isWithin(value: number, { from, above, to, below }: Range): boolean {
  return (
    value >= (from ?? -Infinity) &&
    value > (above ?? -Infinity) &&
    value <= (to ?? Infinity) &&
    value < (below ?? Infinity)
  )
}

function inWords({ from, above, to, below }: Range): string {
  const lower = above === undefined ? ` from ${from}` : ` above ${above}`
  if (below !== undefined) return `${lower} and below ${below}`
  if (to === undefined) return lower
  return above === undefined ? `${lower} to ${to}` : `${lower} and at most ${to}`
}
