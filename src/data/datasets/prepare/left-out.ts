/** What a walk of folders passed over: counts and first examples of each kind, so that nothing is missing in silence. */
import { extname } from 'node:path'
import { NAME_ENDINGS } from '../../images/image-format.ts'

const SHOWN = 3

/** Pictures by the endings of their names that are not read. */
const UNREAD: Readonly<Record<string, string>> = {
  '.avif': 'AVIF',
  '.heic': 'HEIC',
  '.heif': 'HEIC',
  '.jxl': 'JPEG XL',
  '.jp2': 'JPEG 2000',
  '.psd': 'Photoshop',
  '.svg': 'SVG',
}

export type LeftOutKind = 'hidden' | 'special' | 'beside' | 'name'

/** Whether a file is taken for an image; whether it is one, its bytes tell. */
export function hasImageName(name: string): boolean {
  return NAME_ENDINGS[extname(name).toLowerCase()] !== undefined
}

export class LeftOut {
  /** Words of a kind -> how many, and the names of the first. */
  readonly #groups = new Map<string, { count: number; readonly first: string[] }>()

  /** @param name as people know it */
  add(kind: LeftOutKind, name: string): void {
    const words = wordsOf(kind, name)
    const group = this.#groups.get(words) ?? { count: 0, first: [] }
    group.count++
    if (group.first.length < SHOWN) group.first.push(name)
    this.#groups.set(words, group)
  }

  merge(other: LeftOut): void {
    for (const [words, { count, first }] of other.#groups) {
      const group = this.#groups.get(words) ?? { count: 0, first: [] }
      group.count += count
      group.first.push(...first.slice(0, SHOWN - group.first.length))
      this.#groups.set(words, group)
    }
  }

  /** One line a kind, the most first. */
  notices(): string[] {
    const groups = [...this.#groups].sort(([, one], [, other]) => other.count - one.count)
    return groups.map(([words, { count, first }]) => {
      const more = count > first.length ? ', ...' : ''
      return `Left out, ${words}: ${count} (${first.join(', ')}${more})`
    })
  }
}

function wordsOf(kind: LeftOutKind, name: string): string {
  if (kind === 'hidden') return 'hidden by a dot'
  if (kind === 'beside') return 'files beside the class folders'
  if (kind === 'special') return 'FIFOs, sockets and devices'
  const unread = UNREAD[extname(name).toLowerCase()]
  return unread === undefined
    ? 'no images by their names'
    : `${unread} pictures, which are not read (convert them to PNG or JPEG)`
}
