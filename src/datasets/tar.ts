/**
 * Reads tar archives that lie in memory (POSIX.1-1988 ustar headers: blocks of 512 bytes, sizes in octal). Names are
 * only ever compared with names we look for; nothing is written to a path that an archive names.
 */
import { UserFault } from '../vocabulary/fault.ts'

const BLOCK = 512
const REGULAR_FILE = new Set(['0', '\0', '7'])

/** The regular files of an archive by the last part of their names; a later one of the same name wins, as in tar. */
export type TarFiles = ReadonlyMap<string, Buffer>

/**
 * @param path of the archive, for messages
 * @throws UserFault for something that is no tar archive, or one that is damaged or cut off
 */
export function readTar(archive: Buffer, path: string): TarFiles {
  const files = new Map<string, Buffer>()
  let at = 0
  for (;;) {
    const header = archive.subarray(at, at + BLOCK)
    if (header.length < BLOCK) throw cutOff(path, at === 0 ? 'no tar header' : 'one without its end')
    if (header.every((byte) => byte === 0)) return files
    if (!checksumHolds(header)) {
      if (at === 0) throw notTar(path)
      throw new UserFault(`Expected a tar header at byte ${at} of ${path} but received other bytes`, AGAIN)
    }
    const size = octal(header, 124, 12)
    const start = at + BLOCK
    if (start + size > archive.length) {
      throw cutOff(path, `${archive.length - start} of the ${size} bytes of ${text(header, 0, 100)}`)
    }
    if (REGULAR_FILE.has(String.fromCharCode(header[156] ?? 0))) {
      const name = text(header, 0, 100).split('/').at(-1) ?? ''
      files.set(name, archive.subarray(start, start + size))
    }
    at = start + Math.ceil(size / BLOCK) * BLOCK
  }
}

const AGAIN = 'Remove the file and fetch it again (native-ensemble fetch <dataset>).'

function notTar(path: string): UserFault {
  return new UserFault(
    `Expected a tar archive for ${path} but received something else`,
    'Give the archive as its home publishes it (.tar.gz), or the folder it was unpacked to.',
  )
}

function cutOff(path: string, received: string): UserFault {
  return new UserFault(`Expected a whole tar archive for ${path} but received ${received}`, AGAIN)
}

function text(header: Buffer, from: number, bytes: number): string {
  const field = header.subarray(from, from + bytes)
  const end = field.indexOf(0)
  return field.toString('utf8', 0, end < 0 ? bytes : end)
}

/** NaN for a field that is not octal; such a header fails its checksum or the test of its size. */
function octal(header: Buffer, from: number, bytes: number): number {
  return Number.parseInt(text(header, from, bytes).trim(), 8)
}

/** The checksum is the sum of the header's bytes with its own field (8 bytes from 148) taken as spaces. */
function checksumHolds(header: Buffer): boolean {
  let sum = 8 * 0x20
  for (const [index, byte] of header.entries()) {
    if (index < 148 || index >= 156) sum += byte
  }
  return sum === octal(header, 148, 8) && Number.isSafeInteger(octal(header, 124, 12))
}
