import { nearestWord } from '../../vocabulary/nearest-word.ts'
import { nearestSizes, readNumbers, readSizes, writeName } from './name-form.ts'
import type { NetworkFamily } from './network-family.ts'
import { familyOf, NETWORK_FAMILIES } from './registry.ts'

const FOR_IMAGENET = 'imagenet-'

/** The network that a name without one most likely means: `resnt-32`, `ResNet32`, `resnet-18`; null where none is near. */
export function nearestNetwork(name: string): string | null {
  const [letters, sizes] = takeApart(name)
  const families = new Map(NETWORK_FAMILIES.flatMap((family) => wordsOf(family).map((word) => [word, family])))
  const word = nearestWord(letters, [...families.keys()], Math.max(1, Math.floor(letters.length / 3)))
  const family = families.get(word ?? '')
  if (word === null || family === undefined) return null
  const forImageNet = families.get(`${FOR_IMAGENET}${word}`)
  const candidates = [family, forImageNet].map((candidate) => candidate && complete(candidate, sizes))
  return candidates.find((candidate) => candidate && familyOf(candidate) !== null) ?? completeNear(family, sizes)
}

/**
 * For a name of a family's form whose sizes are not the family's: the names next to it, and its namesake for ImageNet where
 * there is one. Null for other names.
 */
export function neighbours(
  name: string,
): { readonly near: readonly string[]; readonly forImageNet: string | null } | null {
  for (const { form } of NETWORK_FAMILIES) {
    const numbers = readNumbers(form, name)
    const sizes = numbers?.flatMap((size) => size ?? []) ?? []
    const place = sizes.findIndex((size, at) => nearestSizes(form, at, size)[0] !== size)
    if (place < 0) continue
    const near = nearestSizes(form, place, sizes[place] ?? 0).sort((a, b) => a - b)
    const names = near.map((size) => writeName(form, sizes.with(place, size)))
    const other = `${FOR_IMAGENET}${name}`
    return { near: names.filter((own) => readSizes(form, own) !== null), forImageNet: familyOf(other) && other }
  }
  return null
}

/** `ResNet18` -> `resnet`, [18] */
function takeApart(name: string): [letters: string, sizes: number[]] {
  const [letters = '', rest = ''] = name
    .trim()
    .toLowerCase()
    .replaceAll(/[_\s]/g, '-')
    .split(/-*(?=\d)(.*)/)
  return [letters, Array.from(rest.matchAll(/\d+/g), ([digits]) => Number(digits))]
}

function wordsOf({ examples: [example], aliases = [] }: NetworkFamily): string[] {
  return [takeApart(example)[0], ...aliases]
}

/** With those sizes of the first example that were not given. */
function complete({ form, examples: [example] }: NetworkFamily, sizes: readonly number[]): string {
  const own = (readNumbers(form, example) ?? []).flatMap((size) => size ?? [])
  return writeName(form, [...sizes, ...own.slice(sizes.length)])
}

function completeNear(family: NetworkFamily, sizes: readonly number[]): string {
  return complete(
    family,
    sizes.map((size, place) => nearestSizes(family.form, place, size)[0] ?? size),
  )
}
