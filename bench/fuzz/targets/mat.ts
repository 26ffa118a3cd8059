/**
 * SVHN's MATLAB files: compressed ones, whose data zlib guards by a checksum, and plain ones, whose numbers have to be those
 * that stand there.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { inflateSync } from 'node:zlib'
import { loadSvhn } from '../../../src/data/datasets/svhn.ts'
import { fixturePath } from '../../../test/fixtures-folder.ts'
import { fingerprint } from '../fingerprint.ts'
import type { FuzzTarget } from '../fuzz-target.ts'

const FILE = 'train_32x32.mat'
const [SIDE, CHANNELS] = [32, 3]
const IMAGE_BYTES = CHANNELS * SIDE * SIDE
const HEADER_BYTES = 128

export const MAT_TARGET: FuzzTarget = {
  name: 'mat',
  file: FILE,
  samples: () => ['train_32x32.mat', 'test_32x32.mat'].map((name) => readFileSync(fixturePath(`mat/${name}`))),
  async read(bytes, scratch) {
    const other = join(scratch, 'test_32x32.mat')
    if (!existsSync(other)) writeFileSync(other, readFileSync(fixturePath('mat/test_32x32.mat')))
    writeFileSync(join(scratch, FILE), bytes)
    const { train } = await loadSvhn('svhn-no-extra', scratch)
    return fingerprint([`${train.count}`, new Int32Array(train.labels).join(), new Uint8Array(train.images)])
  },
  asItStands(bytes) {
    const arrays = new Map<string, PlainArray>()
    for (let at = HEADER_BYTES; at + 8 <= bytes.length; ) {
      const [type, size] = [bytes.readUInt32LE(at), bytes.readUInt32LE(at + 4)]
      const element = bytes.subarray(at + 8, at + 8 + size)
      const array = type === 15 ? arrayOf(inflateSync(element).subarray(8)) : type === 14 ? arrayOf(element) : null
      if (array !== null && !(array.name === 'X' && arrays.has('X'))) arrays.set(array.name, array)
      at += 8 + (type === 15 ? size : Math.ceil(size / 8) * 8)
    }
    const [pixels, labels] = [arrays.get('X'), arrays.get('y')]
    if (pixels === undefined || labels === undefined) return null
    const count = pixels.data.length / IMAGE_BYTES
    return fingerprint([
      `${count}`,
      numbersOf(labels)
        .map((digit) => digit % 10)
        .join(),
      rowsFirst(pixels.data),
    ])
  },
}

interface PlainArray {
  readonly name: string
  readonly type: number
  readonly data: Buffer
}

/** Flags, dimensions, name and numbers, each behind a tag of 8 bytes; up to 4 bytes of data may lie in the tag itself. */
function arrayOf(element: Buffer): PlainArray | null {
  const parts: { type: number; data: Buffer }[] = []
  for (let at = 0; at + 8 <= element.length && parts.length < 4; ) {
    const [word, size] = [element.readUInt32LE(at), element.readUInt32LE(at + 4)]
    const small = word >>> 16
    if (small > 0) {
      parts.push({ type: word & 0xffff, data: element.subarray(at + 4, at + 4 + Math.min(4, small)) })
      at += 8
    } else {
      parts.push({ type: word, data: element.subarray(at + 8, at + 8 + size) })
      at += 8 + Math.ceil(size / 8) * 8
    }
  }
  const [, , name, numbers] = parts
  return name === undefined || numbers === undefined ? null : { name: name.data.toString('latin1'), ...numbers }
}

function numbersOf({ type, data }: PlainArray): number[] {
  const widths: Readonly<Record<number, number>> = { 1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 6: 4, 7: 4, 9: 8, 12: 8, 13: 8 }
  const width = widths[type] ?? 1
  return Array.from({ length: data.length / width }, (_, index) => {
    const at = index * width
    if (type === 7) return data.readFloatLE(at)
    if (type === 9) return data.readDoubleLE(at)
    if (width === 8) return Number(type === 12 ? data.readBigInt64LE(at) : data.readBigUInt64LE(at))
    return type % 2 === 1 ? data.readIntLE(at, width) : data.readUIntLE(at, width)
  })
}

/** MATLAB has the rows fastest; an image of ours has [channel][row][column]. */
function rowsFirst(data: Buffer): Uint8Array {
  return Uint8Array.from({ length: data.length }, (_, at) => {
    const [plane, row, column] = [Math.floor(at / (SIDE * SIDE)), Math.floor(at / SIDE) % SIDE, at % SIDE]
    return data[plane * SIDE * SIDE + column * SIDE + row] ?? 0
  })
}
