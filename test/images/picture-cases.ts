/** What Pillow's convert('RGB') made of picture files of all kinds (scripts/pillow/write_picture_fixtures.py). */
import { readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { fixturePath } from '../fixtures-folder.ts'

export interface PictureCase {
  readonly file: string
  readonly bytes: Buffer
  readonly width: number
  readonly height: number
  /** Pillow's, [height, width, 3]; null for a file that it refuses. */
  readonly pixels: Buffer | null
}

// The script that writes the file gives it this form.
const written: {
  readonly pictures: readonly (
    | { readonly file: string; readonly width: number; readonly height: number; readonly at: number }
    | { readonly file: string; readonly refused: string }
  )[]
} = JSON.parse(readFileSync(fixturePath('pictures/pictures.json'), 'utf8'))
const all = gunzipSync(readFileSync(fixturePath('pictures/pixels.gz')))

/** Read by Pillow through its colour management, which is not ours: refused. */
const REFUSED = ['tif-lab.tif']

/** Most that a pixel may differ: decoders of lossy formats may round otherwise in other versions; with ours none does. */
export function boundOf({ file }: PictureCase): number {
  return /^(jpg-|webp-lossy|tif-jpeg)/.test(file) ? 1 : 0
}

export const PICTURES: readonly PictureCase[] = written.pictures.map((picture) => {
  const { file } = picture
  const bytes = readFileSync(fixturePath(`pictures/${file}`))
  if ('refused' in picture || REFUSED.includes(file)) return { file, bytes, width: 0, height: 0, pixels: null }
  const { width, height, at } = picture
  return { file, bytes, width, height, pixels: all.subarray(at, at + 3 * width * height) }
})
