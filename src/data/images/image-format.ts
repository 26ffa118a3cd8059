/** What a file is by its first bytes; nothing else is given to a decoder. */

export type ImageFormat = 'jpeg' | 'png' | 'webp' | 'gif' | 'bmp' | 'tiff' | 'ppm'

type Begins = (start: string) => boolean

const one =
  (...texts: readonly string[]): Begins =>
  (start) =>
    texts.some((text) => start.startsWith(text))
/** ISO's media files: the length of the first box, then its kind and the brand. */
const brand =
  (...brands: readonly string[]): Begins =>
  (start) =>
    start.slice(4, 8) === 'ftyp' && brands.some((name) => start.slice(8).startsWith(name))

const SIGNATURES: readonly (readonly [ImageFormat, Begins])[] = [
  ['jpeg', one('\xff\xd8\xff')],
  ['png', one('\x89PNG\r\n\x1a\n')],
  ['webp', (start) => start.startsWith('RIFF') && start.slice(8, 12) === 'WEBP'],
  ['gif', one('GIF87a', 'GIF89a')],
  ['tiff', one('II\x2a\0', 'MM\0\x2a')],
  ['bmp', one('BM')],
  ['ppm', (start) => /^P[1-6][\s#]/.test(start)],
]

/** Formats of pictures that are not read, so that they can be named. */
const UNREAD: readonly (readonly [string, Begins])[] = [
  ['AVIF', brand('avif', 'avis')],
  ['HEIC', brand('hei', 'hev', 'mif1', 'msf1')],
  ['JPEG XL', one('\xff\x0a', '\0\0\0\x0cJXL ')],
  ['JPEG 2000', one('\0\0\0\x0cjP  ', '\xff\x4f\xff\x51')],
  ['Photoshop', one('8BPS')],
  ['big TIFF', one('II\x2b\0', 'MM\0\x2b')],
]

/** Endings of names by what they promise; torchvision's, with GIF beside them. */
export const NAME_ENDINGS: Readonly<Record<string, ImageFormat>> = {
  '.jpg': 'jpeg',
  '.jpeg': 'jpeg',
  '.png': 'png',
  '.webp': 'webp',
  '.gif': 'gif',
  '.bmp': 'bmp',
  '.tif': 'tiff',
  '.tiff': 'tiff',
  '.ppm': 'ppm',
  '.pgm': 'ppm',
}

/** null for what is no picture that is read. */
export function imageFormat(bytes: Uint8Array): ImageFormat | null {
  const start = startOf(bytes)
  return SIGNATURES.find(([, begins]) => begins(start))?.[0] ?? null
}

/** Of bytes whose `imageFormat` is null: what they are instead, in words. */
export function describeUnread(bytes: Uint8Array): string {
  if (bytes.length === 0) return 'it is empty'
  const start = startOf(bytes)
  const unread = UNREAD.find(([, begins]) => begins(start))?.[0]
  if (unread !== undefined) return `a file of ${unread}, which is not read: convert it to PNG or JPEG`
  const text = /^[\t\n\r -~]+$/.test(start) ? `: it begins with ${JSON.stringify(start)}` : ''
  return `no JPEG, PNG, WebP, GIF, BMP, TIFF or PPM file${text}`
}

const startOf = (bytes: Uint8Array) => Buffer.from(bytes.subarray(0, 16)).toString('latin1')
