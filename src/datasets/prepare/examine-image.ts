/**
 * Decodes an image whole, once, to find out whether it is one. Later only a crop is decoded, which does not see a
 * truncated end; and what changes after this, the checksum finds.
 */
import sharp from 'sharp'
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

type Format = 'jpeg' | 'png' | 'webp' | 'gif'

/** File formats by their first bytes; nothing else is given to a decoder. */
const SIGNATURES: readonly (readonly [Format, (start: string) => boolean])[] = [
  ['jpeg', (start) => start.startsWith('\xff\xd8\xff')],
  ['png', (start) => start.startsWith('\x89PNG\r\n\x1a\n')],
  ['webp', (start) => start.startsWith('RIFF') && start.slice(8, 12) === 'WEBP'],
  ['gif', (start) => start.startsWith('GIF87a') || start.startsWith('GIF89a')],
]
const EXTENSIONS: Readonly<Record<string, Format>> = { jpg: 'jpeg', jpeg: 'jpeg', png: 'png', webp: 'webp', gif: 'gif' }
/** Longest that one image may take to decode. */
const TIMEOUT_SECONDS = 60
/** libjpeg says so of bytes between two parts of a file, which no decoder needs. */
const HARMLESS = /extraneous bytes before marker/

// Each process does its images one beside another; libvips' own threads and memory would only be in the way.
sharp.concurrency(1)
sharp.cache(false)

/** @param name of the file, whose ending is compared with what it is */
export async function examineImage(bytes: Buffer, name: string, encoding: Encoding): Promise<ExaminedImage> {
  const start = bytes.toString('latin1', 0, 16)
  const format = SIGNATURES.find(([, begins]) => begins(start))?.[0]
  if (format === undefined) return { kind: 'bad', reason: describeOther(bytes, start) }
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
  format: Format,
  failOn: 'warning' | 'error',
): Promise<ExaminedImage> {
  const image = sharp(bytes, { failOn, sequentialRead: true })
  const { width, height, channels, space, pages } = await image.metadata()
  const colours = space === 'cmyk' ? ', CMYK' : channels < 3 ? ', grey' : ''
  const odd: string[] = []
  const ending = EXTENSIONS[name.split('.').at(-1)?.toLowerCase() ?? '']
  if (ending !== format) odd.push(`${format} by its bytes`)
  if (space === 'cmyk') odd.push('CMYK')
  if (pages !== undefined && pages > 1) odd.push(`${pages} pictures, of which the first is taken`)
  const common = { kind: 'good', format: `${format}${colours}`, odd } as const
  const pixels = image.timeout({ seconds: TIMEOUT_SECONDS })
  if (encoding === 'original') {
    const { info } = await pixels.raw().toBuffer({ resolveWithObject: true })
    if (info.width !== width || info.height !== height) {
      return { kind: 'bad', reason: `${info.width} x ${info.height} pixels where its header says ${width} x ${height}` }
    }
    return { ...common, bytes, width, height }
  }
  const side = encoding.shortSide
  const { data, info } = await pixels
    .resize({ width: side, height: side, fit: 'outside', withoutEnlargement: true, fastShrinkOnLoad: false })
    .toColourspace('srgb')
    .removeAlpha()
    .jpeg({ quality: encoding.quality })
    .toBuffer({ resolveWithObject: true })
  return { ...common, bytes: data, width: info.width, height: info.height }
}

function describeOther(bytes: Buffer, start: string): string {
  if (bytes.length === 0) return 'it is empty'
  const text = /^[\t\n\r -~]+$/.test(start) ? `: it begins with ${JSON.stringify(start)}` : ''
  return `no JPEG, PNG, WebP or GIF file${text}`
}

function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  if (text.includes('failOn')) return 'it is damaged (the decoder warns)'
  const [first = ''] = text.trim().split('\n')
  return first.replace('VipsJpeg: ', '') || 'it cannot be decoded'
}
