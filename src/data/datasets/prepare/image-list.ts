/** Which images `prepare` packs, and where their bytes are. */
import { createHash } from 'node:crypto'
import { byCodePoints } from '../../../vocabulary/code-point-order.ts'
import type { SplitName } from '../dataset.ts'
import type { ShardManifest } from '../shard-manifest.ts'

/** One image of a source: a file, or a part of an archive. */
export interface SourceImage {
  /** `<class>/<file>`, for people and for the order within a class. */
  readonly name: string
  readonly label: number
  /** File whose bytes `at` .. `at + bytes - 1` it is. */
  readonly file: string
  readonly at: number
  readonly bytes: number
}

export interface ImageList {
  readonly kind: ShardManifest['kind']
  /** In label order. */
  readonly classes: ShardManifest['classes']
  /** As inOrder puts them. */
  readonly images: Readonly<Record<SplitName, readonly SourceImage[]>>
  /** SHA-256 over names, labels, sizes and times of change: another one means that the source has changed. */
  readonly fingerprint: string
  /** What is unusual but allowed, in words. */
  readonly notices: readonly string[]
}

/** In the order in which they are packed, torchvision's: labels, then folders, then names, by code points. */
export function inOrder(images: readonly SourceImage[]): SourceImage[] {
  const keyed = images.map((image) => {
    const slash = image.name.lastIndexOf('/')
    return { image, folder: image.name.slice(0, slash), file: image.name.slice(slash + 1) }
  })
  keyed.sort(
    (one, other) =>
      one.image.label - other.image.label ||
      byCodePoints(one.folder, other.folder) ||
      byCodePoints(one.file, other.file),
  )
  return keyed.map(({ image }) => image)
}

/** @param changed when each file of the source last changed, ms since 1970 */
export function fingerprintOf(
  images: ImageList['images'],
  classes: ImageList['classes'],
  changed: ReadonlyMap<string, number>,
): string {
  const hash = createHash('sha256').update(JSON.stringify(classes))
  for (const split of ['train', 'test'] as const) {
    for (const { name, label, file, at, bytes } of images[split]) {
      hash.update(`${split}\0${name}\0${label}\0${at}\0${bytes}\0${changed.get(file) ?? 0}\n`)
    }
  }
  return hash.digest('hex')
}
