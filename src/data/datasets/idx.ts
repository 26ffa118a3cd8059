/** IDX files (MNIST's format): two zero bytes, a type, a number of axes, a big-endian u32 for each axis, the data. */
import { expected } from '../../vocabulary/fault.ts'

const UNSIGNED_BYTE = 0x08

export interface IdxBytes {
  /** Sizes of the axes, outermost first, e.g. [60000, 28, 28]. */
  readonly shape: readonly number[]
  readonly data: Buffer
}

/**
 * @param path of the file, for messages
 * @throws UserFault for another kind of file, another number of axes, or a file that is cut off
 */
export function readIdx(file: Buffer, axes: number, path: string): IdxBytes {
  const remedy = 'Remove the file and fetch it again (native-ensemble fetch fashion-mnist).'
  const magic = (UNSIGNED_BYTE << 8) | axes
  const received = file.length < 4 ? `${file.length} bytes` : `0x${file.readUInt32BE(0).toString(16).padStart(8, '0')}`
  if (file.length < 4 || file.readUInt32BE(0) !== magic) {
    const sought = `an IDX file of bytes with ${axes} ${axes === 1 ? 'axis' : 'axes'} (0x0000080${axes})`
    throw expected(sought, path, received, remedy)
  }
  const start = 4 + 4 * axes
  if (file.length < start) throw expected('a whole IDX header', path, `${file.length} bytes`, remedy)
  const shape = Array.from({ length: axes }, (_, axis) => file.readUInt32BE(4 + 4 * axis))
  const bytes = start + shape.reduce((product, size) => product * size, 1)
  if (file.length !== bytes) throw expected(`${bytes} bytes`, path, `${file.length} bytes`, remedy)
  return { shape, data: file.subarray(start) }
}
