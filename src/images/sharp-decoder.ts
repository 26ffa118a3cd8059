/** Images that the JPEG decoders do not take (PNG, WebP, GIF, ...), by libvips through sharp. */
import type { ImageSize } from './crop-plan.ts'

export interface DecodedImage extends ImageSize {
  /** [height, width, 3] u8. */
  readonly pixels: Uint8Array
}

/**
 * The first page of an image as three colours: grey is repeated, transparency dropped (not blended) and an EXIF orientation
 * not looked at, as torchvision's loader does (Pillow's convert('RGB')).
 * @throws Error for bytes that are no image, or a damaged one
 */
export async function decodeBySharp(bytes: Uint8Array): Promise<DecodedImage> {
  // Loaded where the first odd image comes: most runs have none, and it takes a tenth of a second.
  const { default: sharp } = await import('sharp')
  const { data, info } = await sharp(bytes, { failOn: 'error', pages: 1 })
    .toColourspace('srgb')
    .removeAlpha()
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
  if (info.channels === 3) return { pixels: data, width: info.width, height: info.height }
  if (info.channels !== 1) throw new Error(`Expected 1 or 3 channels of an image but received ${info.channels}`)
  const pixels = new Uint8Array(info.width * info.height * 3)
  for (let pixel = 0; pixel < data.length; pixel++) pixels.fill(data[pixel] ?? 0, pixel * 3, pixel * 3 + 3)
  return { pixels, width: info.width, height: info.height }
}
