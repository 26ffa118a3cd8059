/** Fashion-MNIST's files: no checksums, so what is accepted has to be the bytes that stand there. */
import { readIdx } from '../../../src/data/datasets/idx.ts'
import { idxOf } from '../../../test/datasets/write-archives.ts'
import { fingerprint } from '../fingerprint.ts'
import type { FuzzTarget } from '../fuzz-target.ts'

const FILE = 'images-idx3-ubyte'
const AXES = 3
const HEADER_BYTES = 4 + 4 * AXES

export const IDX_TARGET: FuzzTarget = {
  name: 'idx',
  file: FILE,
  samples: () => [
    idxOf(
      [6, 28, 28],
      Uint8Array.from({ length: 6 * 784 }, (_, byte) => (byte * 7) & 0xff),
    ),
  ],
  read(bytes) {
    const { shape, data } = readIdx(bytes, AXES, FILE)
    return fingerprint([shape.join('x'), data])
  },
  asItStands(bytes) {
    const sizes = [4, 8, 12].map((at) => (bytes.length < at + 4 ? 0 : bytes.readUInt32BE(at)))
    return fingerprint([sizes.join('x'), bytes.subarray(HEADER_BYTES)])
  },
}
