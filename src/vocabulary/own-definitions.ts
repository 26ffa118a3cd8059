/**
 * What a user defines outside of this package: networks, methods, optimizers, datasets and augmentations, by the word under
 * which a run's settings name them. Each layer reads those of its own kind and checks them.
 */
import { basename } from 'node:path'
import { UserFault } from './fault.ts'

/** Settings that may name a definition of the user's. */
export type OwnKind = 'network' | 'method' | 'optimizer' | 'dataset' | 'augmentation'

/** A definition as it was given, unchecked. */
export interface OwnDefinition {
  readonly definition: unknown
  /** For messages: the file that it comes from, or how it was given in code. */
  readonly source: string
  /** Of the module's bytes, or of the text of the definition's functions where it was given in code. */
  readonly sha256: string
  /** Of a module: where threads load it from. */
  readonly url?: string
}

const known = new Map<string, OwnDefinition | UserFault>()

const keyOf = (kind: OwnKind, reference: string) => `${kind} ${reference}`

/** @param found a fault for what a run names and is not there: it is thrown where the definition is asked for */
export function registerOwn(kind: OwnKind, reference: string, found: OwnDefinition | UserFault): void {
  known.set(keyOf(kind, reference), found)
}

/** Whether a setting's word names a definition of the user's. */
export function isOwn(kind: OwnKind, reference: unknown): boolean {
  return typeof reference === 'string' && known.has(keyOf(kind, reference))
}

/** Hash of a definition that is there; null where none is. */
export function hashOfOwn(kind: OwnKind, reference: string): string | null {
  const found = known.get(keyOf(kind, reference))
  return found === undefined || found instanceof UserFault ? null : found.sha256
}

/** Whether a setting's word names a definition that is not there. */
export function isMissingOwn(kind: OwnKind, reference: string): boolean {
  return known.get(keyOf(kind, reference)) instanceof UserFault
}

/** null for words that name none. @throws UserFault where the run names one that is not there */
export function findOwn(kind: OwnKind, reference: string): OwnDefinition | null {
  const found = known.get(keyOf(kind, reference)) ?? null
  if (found instanceof UserFault) throw found
  return found
}

/** Whether a setting's word is the path of a module rather than a name. */
export function isModulePath(word: string): boolean {
  return /^(\.{0,2}[\\/]|file:|[a-z]:\\)/i.test(word) || /\.[cm]?[jt]s$/.test(word)
}

/** For titles and names of folders: of a module its file's name without the ending. */
export function shortName(word: string): string {
  return isModulePath(word) ? basename(word).replace(/\.[cm]?[jt]s$/, '') : word
}

/** What is wrong with a definition, in one sentence that names where it comes from. */
export function wrongOwn(what: string, source: string, received: string, remedy: string, cause?: unknown): UserFault {
  return new UserFault(
    `Expected ${what} for ${source} but received ${received}`,
    remedy,
    cause === undefined ? {} : { cause },
  )
}

/** Runs a function of the user's; what it throws is told as theirs. @param doing as in `trunk of ./mine.js` */
export function callOwn<Result>(doing: string, source: string, remedy: string, call: () => Result): Result {
  try {
    return call()
  } catch (error) {
    if (error instanceof UserFault) throw error
    const message = error instanceof Error ? error.message : String(error)
    throw new UserFault(`Expected ${doing} of ${source} to be captured but it threw: ${message}`, remedy, {
      cause: error,
    })
  }
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
