/** How large the pictures of a collection are, from the heads of a few of their files. */
import type { ImageSize } from './crop-plan.ts'

/** Files that are looked at: their median is close to that of all. */
const SAMPLES = 64

/** The median of the short sides in pixels; null where none of the files that were looked at says its size. */
export async function medianShortSide(files: readonly string[]): Promise<number | null> {
  const every = Math.max(1, files.length / SAMPLES)
  const sampled = Array.from(
    { length: Math.min(SAMPLES, files.length) },
    (_, place) => files[Math.floor(place * every)],
  )
  const sizes = await Promise.all(sampled.map((file) => (file === undefined ? null : sizeOf(file))))
  const sides = sizes.flatMap((size) => (size === null ? [] : Math.min(size.width, size.height)))
  sides.sort((one, other) => one - other)
  return sides[sides.length >> 1] ?? null
}

/** null for what is no picture, or one that only its own decoder reads. */
async function sizeOf(file: string): Promise<ImageSize | null> {
  const { default: sharp } = await import('sharp')
  try {
    const { width, height } = await sharp(file).metadata()
    return { width, height }
  } catch {
    return null // prepare says what is wrong with it.
  }
}
