/** Reads encoded images out of shard files, each checked against its checksum: what is damaged is never trained on. */
import { closeSync, openSync, readSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import { expected, UserFault } from '../../vocabulary/fault.ts'
import { fileFault } from '../../vocabulary/file-fault.ts'
import type { EncodedSplit } from '../datasets/dataset.ts'
import { SHARD_MAGIC } from '../datasets/shard-index.ts'
import type { ImageSize } from '../images/crop-plan.ts'

/** Shard files open at a time; a process may have about a thousand by default, and each thread has its own. */
const MOST_OPEN = 64

const DAMAGED = 'Find what else is damaged with native-ensemble prepare --verify, then copy the shards anew.'

export class ShardReader {
  readonly #split: EncodedSplit
  readonly #shard: Uint32Array
  readonly #offset: Float64Array
  readonly #length: Uint32Array
  readonly #checksum: Uint32Array
  readonly #width: Uint32Array
  readonly #height: Uint32Array
  /** Descriptors by shard, the least recently used first. */
  readonly #open = new Map<number, number>()
  #buffer = new Uint8Array(1 << 18)

  constructor(split: EncodedSplit) {
    const { shard, offset, length, checksum, width, height } = split.index
    this.#split = split
    this.#shard = new Uint32Array(shard)
    this.#offset = new Float64Array(offset)
    this.#length = new Uint32Array(length)
    this.#checksum = new Uint32Array(checksum)
    this.#width = new Uint32Array(width)
    this.#height = new Uint32Array(height)
  }

  /** Pixels of the whole image. */
  size(sample: number): ImageSize {
    return { width: this.#width[sample] ?? 0, height: this.#height[sample] ?? 0 }
  }

  /** Where the image lies, in words. */
  place(sample: number): string {
    return `image ${sample} (byte ${this.#offset[sample]} of ${this.#split.shards[this.#shard[sample] ?? 0]})`
  }

  /**
   * The image's bytes, which stay the same only until the next call.
   * @throws UserFault where the file cannot be read, ends before the image does, or has other bytes than were written
   */
  read(sample: number): Uint8Array {
    const length = this.#length[sample] ?? 0
    if (this.#buffer.length < length) this.#buffer = new Uint8Array(2 * length)
    const bytes = this.#buffer.subarray(0, length)
    const read = this.#readAt(this.#shard[sample] ?? 0, bytes, this.#offset[sample] ?? 0)
    if (read < length) {
      const received = `a file that ends after ${read} of them`
      throw new UserFault(`Expected ${length} bytes for ${this.place(sample)} but received ${received}`, DAMAGED)
    }
    const wanted = this.#checksum[sample] ?? 0
    const found = crc32(bytes)
    if (found !== wanted) {
      const [before, now] = [wanted, found].map((sum) => sum.toString(16).padStart(8, '0'))
      throw new UserFault(`Expected checksum ${before} for ${this.place(sample)} but received ${now}`, DAMAGED)
    }
    return bytes
  }

  close(): void {
    for (const descriptor of this.#open.values()) closeSync(descriptor)
    this.#open.clear()
  }

  #readAt(shard: number, target: Uint8Array, position: number): number {
    const path = this.#split.shards[shard]
    if (path === undefined) throw new RangeError(`Expected a shard of the split but received number ${shard}`)
    try {
      const descriptor = this.#descriptor(shard, path)
      let read = 0
      while (read < target.length) {
        const more = readSync(descriptor, target, read, target.length - read, position + read)
        if (more === 0) break
        read += more
      }
      return read
    } catch (error) {
      throw fileFault(error, 'read', path)
    }
  }

  #descriptor(shard: number, path: string): number {
    const known = this.#open.get(shard)
    if (known !== undefined) {
      this.#open.delete(shard)
      this.#open.set(shard, known)
      return known
    }
    const [oldest] = this.#open
    if (oldest !== undefined && this.#open.size >= MOST_OPEN) {
      closeSync(oldest[1])
      this.#open.delete(oldest[0])
    }
    const descriptor = openSync(path, 'r')
    this.#open.set(shard, descriptor)
    const begin = Buffer.alloc(SHARD_MAGIC.length)
    readSync(descriptor, begin, 0, begin.length, 0)
    if (!begin.equals(SHARD_MAGIC)) throw expected('a shard', path, 'a file that begins with other bytes', DAMAGED)
    return descriptor
  }
}
