/** Tar archives: a sum over each header, none over the contents, which have to be the bytes that stand in the archive. */
import { readTar } from '../../../src/data/datasets/tar.ts'
import { tarOf } from '../../../test/datasets/write-archives.ts'
import { fingerprint } from '../fingerprint.ts'
import type { FuzzTarget } from '../fuzz-target.ts'

const FILE = 'images.tar'
const BLOCK = 512

export const TAR_TARGET: FuzzTarget = {
  name: 'tar',
  file: FILE,
  samples: () => [
    tarOf([
      ['n00000001/a.JPEG', Buffer.alloc(700, 'a')],
      ['n00000001/b.JPEG', Buffer.alloc(0)],
      [`${'long/'.repeat(18)}c.JPEG`, Buffer.alloc(512, 'c')],
    ]),
  ],
  read: (bytes) => contentsOf(readTar(bytes, FILE)),
  asItStands: (bytes) => contentsOf(regularFiles(bytes)),
  mend: mendSums,
}

/** In the order of the names: which of two equal names comes first does not matter. */
function contentsOf(files: ReadonlyMap<string, Buffer>): string {
  const sorted = [...files].sort(([one], [other]) => (one < other ? -1 : 1))
  return fingerprint(sorted.flat())
}

/** By the fields' places in POSIX.1-1988 alone; null for a name or size that no field of a header says. */
function regularFiles(archive: Buffer): Map<string, Buffer> {
  const files = new Map<string, Buffer>()
  let longName: string | null = null
  for (let at = 0; archive.subarray(at, at + BLOCK).some((byte) => byte !== 0); ) {
    const text = (from: number, bytes: number) =>
      archive.toString('utf8', at + from, at + from + bytes).split('\0')[0] ?? ''
    const size = Number.parseInt(text(124, 12).trim(), 8)
    const contents = archive.subarray(at + BLOCK, at + BLOCK + size)
    const type = text(156, 1)
    const prefix = archive.toString('latin1', at + 257, at + 263) === 'ustar\0' ? text(345, 155) : ''
    const name = longName ?? `${prefix === '' ? '' : `${prefix}/`}${text(0, 100)}`
    longName = type === 'L' ? (contents.toString('utf8').split('\0')[0] ?? '') : null
    const isFile = type === '7' || ((type === '0' || type === '') && !name.endsWith('/'))
    if (isFile) files.set(name.split('/').at(-1) ?? '', contents)
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK
  }
  return files
}

/** The checksum of each header is the sum of its bytes, its own field taken as spaces. */
function mendSums(archive: Buffer): void {
  for (let at = 0; at + BLOCK <= archive.length; at += BLOCK) {
    const header = archive.subarray(at, at + BLOCK)
    if (header.toString('latin1', 257, 262) !== 'ustar') continue
    header.fill(0x20, 148, 156)
    const sum = header.reduce((total, byte) => total + byte, 0)
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  }
}
