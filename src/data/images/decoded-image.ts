/** An image file decoded whole, as Pillow's convert('RGB') gives it: the one rule of colours on every path. */
import type { ImageSize } from './crop-plan.ts'

/** A whole image as its file has it. */
export interface DecodedImage extends ImageSize {
  /** [height, width, 3] u8. */
  readonly pixels: Uint8Array
}

/** The format of a file forbids what it says, or the file ends before its pixels do. */
export class DecodeFault extends Error {
  override readonly name = 'DecodeFault'
}

/** As Pillow's limit of an image that is no bomb: beyond it a file of a few bytes could ask for gigabytes. */
export const MOST_PIXELS = 178_956_970

/** @throws DecodeFault for a size that no image has */
export function checkSize(width: number, height: number): void {
  if (width < 1 || height < 1) throw new DecodeFault(`${width} x ${height} pixels are no image`)
  if (width * height > MOST_PIXELS) throw new DecodeFault(`${width} x ${height} pixels, more than ${MOST_PIXELS}`)
}

/** Colours of grey values: each is repeated. */
export function greyColours(values: Uint8Array): Uint8Array {
  const colours = new Uint8Array(values.length * 3)
  for (let pixel = 0; pixel < values.length; pixel++) colours.fill(values[pixel] ?? 0, pixel * 3, pixel * 3 + 3)
  return colours
}

/** Pixels of a palette's colours, [entries, 3]; a place behind its end is black, as in Pillow. */
export function paletteColours(indices: Uint8Array, palette: Uint8Array): Uint8Array {
  const colours = new Uint8Array(indices.length * 3)
  for (let pixel = 0; pixel < indices.length; pixel++) {
    const entry = (indices[pixel] ?? 0) * 3
    colours[pixel * 3] = palette[entry] ?? 0
    colours[pixel * 3 + 1] = palette[entry + 1] ?? 0
    colours[pixel * 3 + 2] = palette[entry + 2] ?? 0
  }
  return colours
}
