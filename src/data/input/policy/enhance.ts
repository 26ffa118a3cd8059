/**
 * Operations that blend the image with a poorer one: Pillow's ImageEnhance. A factor of 1 leaves the image as it is, 0 gives
 * the poorer one, and above 1 the image moves away from it.
 */
import { applyTable } from './byte-tables.ts'
import type { Picture } from './picture.ts'

/** `ImagingBlend`, in f32 as there. */
function blend(poorer: number, byte: number, factor: number): number {
  const value = Math.fround(poorer + Math.fround(factor * (byte - poorer)))
  return value <= 0 ? 0 : value >= 255 ? 255 : Math.trunc(value)
}

/** Pillow's conversion from RGB to L: ITU-R 601 in 16 fractional bits. */
function greyAt(pixels: Uint8Array, place: number): number {
  const [red, green, blue] = [pixels[place] ?? 0, pixels[place + 1] ?? 0, pixels[place + 2] ?? 0]
  return (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16
}

/** Away from one value, or towards it. */
function blendWithValue(pixels: Uint8Array, value: number, factor: number): void {
  const single = Math.fround(factor)
  applyTable(
    pixels,
    Uint8Array.from({ length: 256 }, (_, byte) => blend(value, byte, single)),
  )
}

/** Away from black, or towards it. */
export const brightness = ({ pixels }: Picture, factor: number) => blendWithValue(pixels, 0, factor)

/** Away from the image's mean grey, or towards it. */
export function contrast({ pixels }: Picture, factor: number): void {
  let sum = 0
  for (let place = 0; place < pixels.length; place += 3) sum += greyAt(pixels, place)
  blendWithValue(pixels, Math.floor(sum / (pixels.length / 3) + 0.5), factor)
}

/** Away from each pixel's own grey, or towards it. */
export function color({ pixels }: Picture, factor: number): void {
  const single = Math.fround(factor)
  for (let place = 0; place < pixels.length; place += 3) {
    const grey = greyAt(pixels, place)
    pixels[place] = blend(grey, pixels[place] ?? 0, single)
    pixels[place + 1] = blend(grey, pixels[place + 1] ?? 0, single)
    pixels[place + 2] = blend(grey, pixels[place + 2] ?? 0, single)
  }
}

/**
 * Away from the smoothed image (ImageFilter.SMOOTH: 3 x 3 of 1 with 5 in the middle, over 13), or towards it. The outermost
 * pixels stay.
 */
export function sharpness({ pixels, scratch, height, width }: Picture, factor: number): void {
  const single = Math.fround(factor)
  scratch.set(pixels)
  const row = 3 * width
  for (let y = 1; y < height - 1; y++) {
    for (let place = y * row + 3, end = (y + 1) * row - 3; place < end; place++) {
      const byte = scratch[place] ?? 0
      const sum =
        5 * byte +
        ((scratch[place - row - 3] ?? 0) + (scratch[place - row] ?? 0) + (scratch[place - row + 3] ?? 0)) +
        ((scratch[place - 3] ?? 0) + (scratch[place + 3] ?? 0)) +
        ((scratch[place + row - 3] ?? 0) + (scratch[place + row] ?? 0) + (scratch[place + row + 3] ?? 0))
      // Rounded; a sum of whole numbers over 13 is never halfway.
      const smooth = Math.trunc((2 * sum + 13) / 26)
      pixels[place] = blend(smooth, byte, single)
    }
  }
}
