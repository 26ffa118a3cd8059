/**
 * The index of a split: raw little-endian columns, an entry a sample in label order, so that reading it is copying.
 *
 *     8 bytes  "NEINDEX1"
 *     u32      samples
 *     u32      bytes of all names
 *     f64      offset     byte of the shard at which the image begins
 *     u32      shard, length, checksum (CRC-32), width, height
 *     i32      label
 *     u32      end of the sample's name among the names
 *     UTF-8    names
 */
import { expected } from '../../vocabulary/fault.ts'
import type { ShardIndex } from './dataset.ts'

const MAGIC = 'NEINDEX1'
const HEADER_BYTES = 16
/** Columns behind the offsets, 4 bytes an entry. */
const COLUMNS = ['shard', 'length', 'checksum', 'width', 'height', 'label', 'nameEnd'] as const
const ENTRY_BYTES = 8 + 4 * COLUMNS.length

/** Every shard begins with these bytes, then the images one after another. */
export const SHARD_MAGIC = Buffer.from('NESHARD1', 'latin1')

/** One image of an index to be written. */
export interface IndexEntry {
  readonly name: string
  readonly label: number
  readonly shard: number
  readonly offset: number
  readonly length: number
  readonly checksum: number
  readonly width: number
  readonly height: number
}

export interface ReadIndex {
  readonly count: number
  readonly index: ShardIndex
  readonly labels: SharedArrayBuffer
  /** Name of a sample in the source, e.g. `n01440764/n01440764_10026.JPEG`. */
  readonly nameOf: (sample: number) => string
}

export function encodeIndex(entries: readonly IndexEntry[]): Buffer {
  const names = entries.map(({ name }) => Buffer.from(name, 'utf8'))
  const count = entries.length
  const nameBytes = names.reduce((sum, { length }) => sum + length, 0)
  const bytes = Buffer.alloc(HEADER_BYTES + count * ENTRY_BYTES + nameBytes)
  bytes.write(MAGIC, 0, 'latin1')
  bytes.writeUInt32LE(count, 8)
  bytes.writeUInt32LE(nameBytes, 12)
  let nameEnd = 0
  for (const [sample, entry] of entries.entries()) {
    nameEnd += names[sample]?.length ?? 0
    bytes.writeDoubleLE(entry.offset, HEADER_BYTES + 8 * sample)
    for (const [column, name] of COLUMNS.entries()) {
      const value = name === 'nameEnd' ? nameEnd : entry[name]
      bytes.writeUInt32LE(value >>> 0, columnStart(count, column) + 4 * sample)
    }
  }
  Buffer.concat(names).copy(bytes, HEADER_BYTES + count * ENTRY_BYTES)
  return bytes
}

function columnStart(count: number, column: number): number {
  return HEADER_BYTES + count * (8 + 4 * column)
}

/**
 * @param path of the file, for messages
 * @throws UserFault for a file that is no index
 */
export function decodeIndex(bytes: Buffer, path: string): ReadIndex {
  const remedy = 'Prepare the images again, or copy the shards again from where they are whole.'
  if (bytes.length < HEADER_BYTES || bytes.toString('latin1', 0, 8) !== MAGIC) {
    throw expected('an index of shards', path, `${bytes.length} bytes of something else`, remedy)
  }
  const count = bytes.readUInt32LE(8)
  const namesAt = HEADER_BYTES + count * ENTRY_BYTES
  const whole = namesAt + bytes.readUInt32LE(12)
  if (bytes.length !== whole) throw expected(`${whole} bytes`, path, `${bytes.length} bytes`, remedy)
  const column = (name: (typeof COLUMNS)[number]) => shared(bytes, columnStart(count, COLUMNS.indexOf(name)), 4 * count)
  const nameEnds = new Uint32Array(column('nameEnd'))
  return {
    count,
    index: {
      offset: shared(bytes, HEADER_BYTES, 8 * count),
      shard: column('shard'),
      length: column('length'),
      checksum: column('checksum'),
      width: column('width'),
      height: column('height'),
    },
    labels: column('label'),
    nameOf: (sample) =>
      bytes.toString(
        'utf8',
        namesAt + (sample === 0 ? 0 : (nameEnds[sample - 1] ?? 0)),
        namesAt + (nameEnds[sample] ?? 0),
      ),
  }
}

function shared(bytes: Buffer, from: number, length: number): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(length)
  new Uint8Array(memory).set(bytes.subarray(from, from + length))
  return memory
}
