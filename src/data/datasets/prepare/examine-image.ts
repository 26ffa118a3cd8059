/**
 * Decodes an image whole, once, to find out whether it is one. Later only a crop is decoded, which does not see a
 * truncated end; and what changes after this, the checksum finds.
 */
import { extname } from 'node:path'
import sharp, { type Sharp } from 'sharp'
import { decodeWhole } from '../../images/decode-whole.ts'
import { describeUnread, type ImageFormat, imageFormat, NAME_ENDINGS } from '../../images/image-format.ts'
import { readOptions } from '../../images/sharp-decoder.ts'
import type { ShardManifest } from '../shard-manifest.ts'

export type Encoding = ShardManifest['encoding']

export type ExaminedImage =
  | {
      readonly kind: 'good'
      /** What goes into the shard: the bytes given, or what they were encoded to again. */
      readonly bytes: Buffer
      readonly width: number
      readonly height: number
      /** By its bytes, e.g. `jpeg`, `jpeg, grey`, `png`. */
      readonly format: string
      /** What is unlike other images, in words. */
      readonly odd: readonly string[]
    }
  | { readonly kind: 'bad'; readonly reason: string }

/** Longest that one image may take to decode. */
const TIMEOUT_SECONDS = 60
/** libjpeg says so of bytes between two parts of a file, which no decoder needs. */
const HARMLESS = /extraneous bytes before marker/

// Each process does its images one beside another; libvips' own threads and memory would only be in the way.
sharp.concurrency(1)
sharp.cache(false)

/** @param name of the file, whose ending is compared with what it is */
export async function examineImage(bytes: Buffer, name: string, encoding: Encoding): Promise<ExaminedImage> {
  const format = imageFormat(bytes)
  if (format === null) return { kind: 'bad', reason: describeUnread(bytes) }
  try {
    return await decode(bytes, name, encoding, format, 'warning')
  } catch (error) {
    const reason = reasonOf(error)
    if (!HARMLESS.test(reason)) return { kind: 'bad', reason }
    try {
      const image = await decode(bytes, name, encoding, format, 'error')
      return image.kind === 'good' ? { ...image, odd: [...image.odd, reason] } : image
    } catch (second) {
      return { kind: 'bad', reason: reasonOf(second) }
    }
  }
}

async function decode(
  bytes: Buffer,
  name: string,
  encoding: Encoding,
  format: ImageFormat,
  failOn: 'warning' | 'error',
): Promise<ExaminedImage> {
  const { space, channels = 3, pages } = await tellsOf(bytes, format)
  const colours = space === 'cmyk' ? ', CMYK' : channels < 3 ? ', grey' : ''
  const odd: string[] = []
  if (NAME_ENDINGS[extname(name).toLowerCase()] !== format) odd.push(`${format} by its bytes`)
  if (space === 'cmyk') odd.push('CMYK')
  if (space === 'grey16') odd.push('grey of 16 bits: what is beyond 255 is white, as in Pillow')
  if (pages !== undefined && pages > 1) odd.push(`${pages} pictures, of which the first is taken`)
  const common = { kind: 'good', format: `${format}${colours}`, odd } as const
  if (encoding !== 'original' && format === 'jpeg' && space !== 'cmyk') {
    // In one go, which lets libjpeg make it smaller by powers of two while it decodes.
    return { ...common, ...(await encodeAgain(sharp(bytes, readOptions(failOn)), encoding)) }
  }
  const { pixels, width, height } = await decodeWhole(bytes, { failOn, timeoutSeconds: TIMEOUT_SECONDS })
  if (encoding === 'original') return { ...common, bytes, width, height }
  return { ...common, ...(await encodeAgain(sharp(pixels, { raw: { width, height, channels: 3 } }), encoding)) }
}

/** What the header says beside the size. */
async function tellsOf(
  bytes: Buffer,
  format: ImageFormat,
): Promise<{ readonly space?: string; readonly channels?: number; readonly pages?: number | undefined }> {
  if (format === 'bmp' || format === 'ppm') return {}
  try {
    return await sharp(bytes).metadata()
  } catch (error) {
    // libvips does not decode GIF files here, and may not like what comes behind the first picture.
    if (format === 'gif') return {}
    throw error
  }
}

/** As large images are kept with --short-side: made smaller, never larger, and written as a JPEG without a profile. */
async function encodeAgain(
  image: Sharp,
  { shortSide, quality }: Exclude<Encoding, 'original'>,
): Promise<{ readonly bytes: Buffer; readonly width: number; readonly height: number }> {
  const { data, info } = await image
    .timeout({ seconds: TIMEOUT_SECONDS })
    .resize({ width: shortSide, height: shortSide, fit: 'outside', withoutEnlargement: true, fastShrinkOnLoad: false })
    .toColourspace('srgb')
    .removeAlpha()
    .jpeg({ quality })
    .toBuffer({ resolveWithObject: true })
  return { bytes: data, width: info.width, height: info.height }
}

function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  if (text.includes('failOn')) return 'it is damaged (the decoder warns)'
  const [first = ''] = text.trim().split('\n')
  return first.replace('VipsJpeg: ', '') || 'it cannot be decoded'
}
