/**
 * Images by libvips through sharp, with the colours of Pillow's convert('RGB'): profiles are not applied, transparency is
 * dropped and not blended, inks become colours by plain arithmetic, and grey of 16 bits is clipped and not scaled.
 */
import type { Sharp } from 'sharp'
import { type DecodedImage, greyColours, MOST_PIXELS } from './decoded-image.ts'
import type { ImageFormat } from './image-format.ts'
import { readTiffHead } from './tiff-head.ts'

export interface SharpOptions {
  /** How much of a fault of the file is an error. */
  readonly failOn: 'warning' | 'error'
  /** Longest that it may take. */
  readonly timeoutSeconds?: number
}

/** How sharp is to read an image: nothing that would change its colours. */
export function readOptions(failOn: SharpOptions['failOn']) {
  return { failOn, pages: 1, ignoreIcc: true, limitInputPixels: MOST_PIXELS, sequentialRead: true } as const
}

/**
 * The first page of an image. A TIFF is turned as its orientation says, any other file is not: as Pillow's Image.open.
 * @throws Error for bytes that are no image, or a damaged one
 */
export async function decodeBySharp(
  bytes: Uint8Array,
  format: ImageFormat,
  { failOn, timeoutSeconds = 0 }: SharpOptions,
): Promise<DecodedImage> {
  // Loaded where the first odd image comes: most runs have none, and it takes a tenth of a second.
  const { default: sharp } = await import('sharp')
  const tiff = format === 'tiff' ? readTiffHead(bytes) : null
  const open = () => sharp(bytes, readOptions(failOn)).timeout({ seconds: timeoutSeconds })
  const turned = () => ((tiff?.orientation ?? 1) === 1 ? open() : open().autoOrient())
  const { space, depth } = await coloursOf(bytes, format, open)
  if (space === 'cmyk') return await decodeInks(turned(), depth === 'ushort' ? 2 : 1)
  if (space === 'grey16') return await decodeDeepGrey(turned(), tiff?.whiteIsZero ?? false)
  const { data, info } = await turned()
    .toColourspace('srgb')
    .removeAlpha()
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true })
  const { width, height, channels } = info
  if (channels !== 1 && channels !== 3) throw new Error(`Expected 1 or 3 channels of an image but received ${channels}`)
  return { width, height, pixels: channels === 1 ? greyColours(data) : data }
}

/** libvips' names of the colours and of the form of a value, where the header alone does not tell that they are usual. */
async function coloursOf(
  bytes: Uint8Array,
  format: ImageFormat,
  open: () => Sharp,
): Promise<{ readonly space?: string; readonly depth?: string }> {
  // IHDR: bits of a sample, then 0 for grey.
  if (format === 'png') return bytes[24] === 16 && bytes[25] === 0 ? { space: 'grey16' } : {}
  return format === 'webp' ? {} : await open().metadata()
}

/** Shares of ink (255 = all of it) to colours: (255 - ink) (255 - black) / 255, rounded as Pillow rounds it. */
async function decodeInks(image: Sharp, bytesOfValue: 1 | 2): Promise<DecodedImage> {
  // Without a colour space of the pipeline sharp would go to sRGB through a profile and back.
  const { data, info } = await image
    .pipelineColourspace('cmyk')
    .toColourspace('cmyk')
    .raw({ depth: bytesOfValue === 2 ? 'ushort' : 'uchar' })
    .toBuffer({ resolveWithObject: true })
  const { width, height, channels } = info
  if (channels < 4) throw new Error(`Expected 4 inks of an image but received ${channels}`)
  const inks = bytesOfValue === 2 ? new Uint16Array(data.buffer, data.byteOffset, data.length / 2) : data
  const ink = (place: number) => (inks[place] ?? 0) >> (8 * (bytesOfValue - 1))
  const pixels = new Uint8Array(width * height * 3)
  for (let from = 0, to = 0; to < pixels.length; from += channels, to += 3) {
    const light = 255 - ink(from + 3)
    for (let channel = 0; channel < 3; channel++) {
      const product = ink(from + channel) * light + 128
      pixels[to + channel] = light - ((product + (product >> 8)) >> 8)
    }
  }
  return { width, height, pixels }
}

/** What is beyond 255 is white: Pillow clips its mode I;16. It does not turn WhiteIsZero round there, which libvips does. */
async function decodeDeepGrey(image: Sharp, inverted: boolean): Promise<DecodedImage> {
  const { data, info } = await image
    .toColourspace('grey16')
    .raw({ depth: 'ushort' })
    .toBuffer({ resolveWithObject: true })
  const { width, height, channels } = info
  const values = new Uint16Array(data.buffer, data.byteOffset, width * height * channels)
  const clipped = new Uint8Array(width * height)
  for (let pixel = 0; pixel < clipped.length; pixel++) {
    const value = values[pixel * channels] ?? 0
    clipped[pixel] = Math.min(255, inverted ? 65535 - value : value)
  }
  return { width, height, pixels: greyColours(clipped) }
}
