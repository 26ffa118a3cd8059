/** What Pillow made of crops of JPEG files of all kinds (scripts/pillow/write_crop_fixtures.py). */
import { readFileSync } from 'node:fs'
import sharp from 'sharp'
import type { CropPlan, ImageSize } from '../../src/data/images/crop-plan.ts'
import { fixturePath } from '../fixtures-folder.ts'

export interface CropCase {
  readonly file: string
  readonly image: ImageSize
  readonly plan: CropPlan
}

// The script that writes the file gives it this form.
const parsed: { readonly cases: readonly CropCase[] } = JSON.parse(
  readFileSync(fixturePath('crops/cases.json'), 'utf8'),
)
export const CROP_CASES = parsed.cases

export const readCropFile = (name: string): Uint8Array => readFileSync(fixturePath(`crops/${name}`))

/** Pillow's pixels of a case, [windowHeight, windowWidth, 3]. */
export async function pillowPixels(index: number): Promise<Uint8Array> {
  return await sharp(readCropFile(`${index}.png`))
    .removeAlpha()
    .raw()
    .toBuffer()
}

/** Of bytes of two images of one size. */
export function difference(one: Uint8Array, other: Uint8Array): { readonly mean: number; readonly largest: number } {
  if (one.length !== other.length) throw new RangeError(`${one.length} bytes against ${other.length}`)
  let sum = 0
  let largest = 0
  for (const [place, byte] of one.entries()) {
    const apart = Math.abs(byte - (other[place] ?? 0))
    sum += apart
    largest = Math.max(largest, apart)
  }
  return { mean: sum / one.length, largest }
}

export const windowBytes = ({ windowWidth, windowHeight }: CropPlan): number => windowWidth * windowHeight * 3
