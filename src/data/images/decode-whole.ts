/** Any image file, whole, by the decoder of its format: colours as Pillow's convert('RGB') gives them. */
import { decodeBmp } from './bmp-decoder.ts'
import { type DecodedImage, DecodeFault } from './decoded-image.ts'
import { decodeGif } from './gif-decoder.ts'
import { describeUnread, type ImageFormat, imageFormat } from './image-format.ts'
import { decodePpm } from './ppm-decoder.ts'
import { decodeBySharp, type SharpOptions } from './sharp-decoder.ts'

/** Our own, at once: libvips does not read the others, and of GIF it forgets the colours of transparent places. */
const OWN: Readonly<Partial<Record<ImageFormat, (bytes: Uint8Array) => DecodedImage>>> = {
  gif: decodeGif,
  bmp: decodeBmp,
  ppm: decodePpm,
}

/**
 * @returns a promise where the decoder is asynchronous, which reads `bytes` until it is settled
 * @throws Error for bytes that are no image, or a damaged one (so does the promise)
 */
export function decodeWhole(bytes: Uint8Array, options: SharpOptions): DecodedImage | Promise<DecodedImage> {
  const format = imageFormat(bytes)
  if (format === null) throw new DecodeFault(describeUnread(bytes))
  return OWN[format]?.(bytes) ?? decodeBySharp(bytes, format, options)
}
