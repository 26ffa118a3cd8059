/**
 * Names of operands or results in their order: `x`; `residual?`, which may be left out, behind all that may not; or `...logits`,
 * any number, as the last.
 */
export type Names = readonly string[]

type IsOptional<Entry> = Entry extends `${infer Name}?` ? Name : never
type IsList<Entry> = Entry extends `...${infer Name}` ? Name : never
type IsSingle<Entry> = Entry extends `...${string}` | `${string}?` ? never : Entry

export type ListName<N extends Names> = IsList<N[number]>
export type OptionalName<N extends Names> = IsOptional<N[number]>
type SingleName<N extends Names> = IsSingle<N[number]> | OptionalName<N>
export type NameOf<N extends Names> = SingleName<N> | ListName<N>

/** The operands of one node by name. */
export interface NamedValues<N extends Names, T> {
  /** @throws Error where the node has none */
  readonly input: (name: SingleName<N>) => T
  /** Whether an operand that may be left out is there. */
  readonly has: (name: OptionalName<N>) => boolean
  readonly list: (name: ListName<N>) => readonly T[]
}

/** Something for each name. */
export type ValuesByName<N extends Names, T> = { readonly [K in SingleName<N>]?: T } & {
  readonly [K in ListName<N>]?: readonly T[]
}

/** Operands by name; values behind the last of a node without a list belong to nobody here. */
export function nameValues<N extends Names, T>(names: N, values: readonly T[], node: string): NamedValues<N, T> {
  const find = (name: string): T => {
    const place = placeOf(names, name)
    const value = values[place]
    if (value === undefined) throw new Error(`Expected ${name} of ${node} but received ${values.length} operands`)
    return value
  }
  return {
    input: find,
    has: (name) => placeOf(names, name) < values.length,
    list: (name) => values.slice(placeOf(names, name)),
  }
}

/** Place of an operand, or of the first of a list. @throws Error where there is no such name */
export function placeOf(names: Names, name: string): number {
  const place = names.findIndex((entry) => bare(entry) === name)
  if (place < 0) throw new Error(`Expected one of ${names.join(', ')} but received ${name}`)
  return place
}

/** The values of some names, in the order of those. */
export function pickValues<T>(names: Names, values: readonly T[], wanted: readonly string[]): T[] {
  return wanted.flatMap((name) => {
    const place = placeOf(names, name)
    return isList(names[place] ?? '') ? values.slice(place) : values.slice(place, place + 1)
  })
}

/** Values in the order of the names, for `count` operands; null where there are none. */
export function inOrder<N extends Names, T>(names: N, values: ValuesByName<N, T | null | undefined>, count: number) {
  const byName = new Map<string, unknown>(Object.entries(values))
  const ordered = names.flatMap((entry): (T | null)[] => {
    const value = byName.get(bare(entry))
    // What a name stands for tells whether it is a list; the map's values have lost that.
    return isList(entry) ? [...((value ?? []) as readonly (T | null)[])] : [(value ?? null) as T | null]
  })
  return Array.from({ length: count }, (_, place) => ordered[place] ?? null)
}

/** Whether a node may have so many operands. */
export function fitsNames(names: Names, count: number): boolean {
  const fewest = names.filter((entry) => !isList(entry) && !entry.endsWith('?')).length
  return count >= fewest && (count <= names.length || names.some(isList))
}

const isList = (entry: string) => entry.startsWith('...')
/** A name without the marks of its kind. */
export const bare = (entry: string) => entry.replace(/^\.\.\.|\?$/g, '')
