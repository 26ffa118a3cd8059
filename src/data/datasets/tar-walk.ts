/**
 * Walks the entries of a tar archive without unpacking it: ustar headers (POSIX.1-1988), long names and sizes of GNU and
 * pax (POSIX.1-2001). Says where the bytes of each entry lie; nothing is written to a path that an archive names.
 */
import { UserFault } from '../../vocabulary/fault.ts'

const BLOCK = 512
/** Longest name, or list of attributes, that an entry may have. */
const MOST_NAME_BYTES = 64 << 10
export const FETCH_AGAIN = 'Remove the file and fetch it again (native-ensemble fetch <dataset>).'

/** Bytes that can be read at any place. */
export interface ByteSource {
  readonly size: number
  /** The bytes from `at`; fewer where the source ends. */
  read(at: number, bytes: number): Buffer
}

export interface TarEntry {
  readonly name: string
  /** `link` and `special` (devices, pipes and what we do not know) have no bytes that we read. */
  readonly kind: 'file' | 'folder' | 'link' | 'special'
  /** Where its bytes begin in the source. */
  readonly offset: number
  readonly size: number
}

/** Where a walk is, and what to tell people about it. */
export interface TarPlace {
  /** Path of the archive, for messages. */
  readonly path: string
  /** What to do about a damaged archive. */
  readonly remedy: string
  /** The part of the source that is the archive; default all of it. */
  readonly from?: number
  readonly to?: number
}

/** @throws UserFault for something that is no tar archive, or one that is damaged or cut off */
export function* walkTar(source: ByteSource, place: TarPlace): Generator<TarEntry, void, undefined> {
  const { path, remedy, from = 0, to = source.size } = place
  let at = from
  let overriding: { name?: string; size?: number } = {}
  for (;;) {
    const header = source.read(at, Math.max(0, Math.min(BLOCK, to - at)))
    if (header.length < BLOCK) throw cutOff(place, at === from ? 'no tar header' : 'one without its end')
    if (header.every((byte) => byte === 0)) return
    if (!checksumHolds(header)) {
      if (at === from) throw notTar(path)
      throw new UserFault(`Expected a tar header at byte ${at - from} of ${path} but received other bytes`, remedy)
    }
    const type = String.fromCharCode(header[156] ?? 0)
    const name = overriding.name ?? headerName(header)
    const size = overriding.size ?? headerSize(header)
    const start = at + BLOCK
    if (!Number.isSafeInteger(size) || size < 0 || start + size > to) {
      throw cutOff(place, `${to - start} of the ${size} bytes of ${name}`)
    }
    at = start + Math.ceil(size / BLOCK) * BLOCK
    if (type === 'L' || type === 'x') {
      if (size > MOST_NAME_BYTES) throw cutOff(place, `a name of ${size} bytes`)
      const bytes = source.read(start, size)
      overriding = type === 'L' ? { ...overriding, name: untilZero(bytes) } : { ...overriding, ...paxAttributes(bytes) }
      continue
    }
    overriding = {}
    // Attributes of the whole archive, and names of links that are too long: nothing that we use.
    if (type !== 'g' && type !== 'K') yield { name, kind: kindOf(type, name), offset: start, size }
  }
}

function kindOf(type: string, name: string): TarEntry['kind'] {
  // Archives from before ustar mark a folder by its name alone.
  if (type === '5' || ((type === '0' || type === '\0') && name.endsWith('/'))) return 'folder'
  if (type === '0' || type === '\0' || type === '7') return 'file'
  return type === '1' || type === '2' ? 'link' : 'special'
}

function headerName(header: Buffer): string {
  const name = untilZero(header.subarray(0, 100))
  const prefix = header.toString('latin1', 257, 263) === 'ustar\0' ? untilZero(header.subarray(345, 500)) : ''
  return prefix === '' ? name : `${prefix}/${name}`
}

/** Octal digits; GNU writes larger sizes in binary, with the highest bit of the field set. */
function headerSize(header: Buffer): number {
  const field = header.subarray(124, 136)
  if (((field[0] ?? 0) & 0x80) === 0) return octal(field)
  return field.subarray(1).reduce((size, byte) => size * 256 + byte, (field[0] ?? 0) & 0x7f)
}

/** `<length> <key>=<value>\n` again and again; length counts the whole record. */
function paxAttributes(bytes: Buffer): { name?: string; size?: number } {
  const attributes: { name?: string; size?: number } = {}
  for (let at = 0; at < bytes.length; ) {
    const length = Number.parseInt(bytes.toString('latin1', at, at + 12), 10)
    if (!(length > 0)) return attributes
    const [, key, value] = /^\d+ ([^=]+)=([\s\S]*)\n$/.exec(bytes.toString('utf8', at, at + length)) ?? []
    if (key === 'path' && value !== undefined) attributes.name = value
    if (key === 'size') attributes.size = Number(value)
    at += length
  }
  return attributes
}

function notTar(path: string): UserFault {
  return new UserFault(
    `Expected a tar archive for ${path} but received something else`,
    'Give the archive as its home publishes it, or the folder it was unpacked to.',
  )
}

function cutOff({ path, remedy }: TarPlace, received: string): UserFault {
  return new UserFault(`Expected a whole tar archive for ${path} but received ${received}`, remedy)
}

function untilZero(field: Buffer): string {
  const end = field.indexOf(0)
  return field.toString('utf8', 0, end < 0 ? field.length : end)
}

/** NaN for a field that is not octal. */
function octal(field: Buffer): number {
  return Number.parseInt(untilZero(field).trim(), 8)
}

/** The checksum is the sum of the header's bytes with its own field (8 bytes from 148) taken as spaces. */
function checksumHolds(header: Buffer): boolean {
  let sum = 8 * 0x20
  for (let at = 0; at < BLOCK; at++) if (at < 148 || at >= 156) sum += header[at] ?? 0
  return sum === octal(header.subarray(148, 156))
}
