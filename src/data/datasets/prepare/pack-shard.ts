/** Makes one shard: reads, examines and appends its images, in order. */
import { createHash, type Hash } from 'node:crypto'
import { type FileHandle, open, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { expected } from '../../../vocabulary/fault.ts'
import { fileFault } from '../../../vocabulary/file-fault.ts'
import { SHARD_MAGIC } from '../shard-index.ts'
import { type ExaminedImage, examineImage } from './examine-image.ts'
import type { SourceImage } from './image-list.ts'
import { type FromPacker, printReport, type ShardJob, type ShardReport, type ShardRow } from './shard-job.ts'

/**
 * Images that are in memory at once: the next is read while one is decoded. Decoded they are one by one: libvips' messages
 * of a process are not told apart by image.
 */
const IN_FLIGHT = 2
const PROGRESS_MS = 200
/** A file beyond this is no photograph. */
const MOST_BYTES = 256 << 20

/**
 * The shard and its rows appear under their names when they are whole and on the disk.
 * @param tell takes `progress` and `next`
 * @throws UserFault for a source that cannot be read, or a shard that cannot be written
 */
export async function packShard(job: ShardJob, tell: (message: FromPacker) => void): Promise<ShardReport> {
  const sources = new SourceFiles()
  const shard = job.output === null ? null : await ShardFile.create(join(job.output.folder, `${job.id}.shard`))
  try {
    const report = await packImages(job, sources, shard, tell)
    if (job.output !== null) await writeWhole(job.output.rows, printReport(report))
    return report
  } finally {
    await sources.close()
    await shard?.close()
  }
}

async function packImages(
  job: ShardJob,
  sources: SourceFiles,
  shard: ShardFile | null,
  tell: (message: FromPacker) => void,
): Promise<ShardReport> {
  const rows: ShardRow[] = []
  const formats: Record<string, number> = {}
  const [odd, bad]: [ShardReport['odd'][number][], ShardReport['bad'][number][]] = [[], []]
  let told = { images: 0, bytes: 0, bad: 0, at: performance.now() }

  const examine = async (place: number, image: SourceImage, read: Promise<Buffer>): Promise<ExaminedImage> => {
    if (job.killers.includes(place)) return { kind: 'bad', reason: 'the decoder crashed on it' }
    if (image.bytes > MOST_BYTES) return { kind: 'bad', reason: `${image.bytes} bytes are too many for an image` }
    if (job.careful) tell({ kind: 'next', place })
    return examineImage(await read, image.name, job.encoding)
  }
  // What is read ahead may fail while nobody waits for it yet; its fault is told in its turn.
  const ahead: Promise<Buffer>[] = []
  const begin = (place: number) => {
    const image = job.images[place]
    if (image === undefined) return
    const read = image.bytes > MOST_BYTES ? Promise.resolve(Buffer.alloc(0)) : sources.read(image)
    read.catch(() => undefined)
    ahead.push(read)
  }
  for (let place = 0; place < IN_FLIGHT - 1; place++) begin(place)
  for (const [place, image] of job.images.entries()) {
    const { name, label, bytes } = image
    begin(place + IN_FLIGHT - 1)
    const examined = await examine(place, image, ahead.shift() ?? sources.read(image))
    if (examined.kind === 'bad') bad.push({ name, reason: examined.reason })
    else {
      const { width, height, format } = examined
      const offset = (await shard?.append(examined.bytes)) ?? 0
      rows.push({ name, label, offset, length: examined.bytes.length, checksum: crc32(examined.bytes), width, height })
      formats[format] = (formats[format] ?? 0) + 1
      for (const what of examined.odd) odd.push({ name, what })
    }
    told = {
      ...told,
      images: told.images + 1,
      bytes: told.bytes + bytes,
      bad: told.bad + (examined.kind === 'bad' ? 1 : 0),
    }
    if (performance.now() - told.at >= PROGRESS_MS || place === job.images.length - 1) {
      tell({ kind: 'progress', images: told.images, bytes: told.bytes, bad: told.bad })
      told = { images: 0, bytes: 0, bad: 0, at: performance.now() }
    }
  }
  const file = `${job.id}.shard`
  const written = shard === null ? { bytes: 0, sha256: '' } : await shard.finish()
  return { file, ...written, rows, formats, odd, bad }
}

/** The files that images are read from; one is kept open while it is the same. */
class SourceFiles {
  readonly #open = new Map<string, Promise<FileHandle>>()

  /** @throws UserFault for a file that cannot be read, or has become shorter */
  async read({ file, at, bytes, name }: SourceImage): Promise<Buffer> {
    try {
      if (!this.#open.has(file)) {
        // Of files with one image each only those in flight are kept; archives stay, as there are one or two.
        for (const other of [...this.#open.keys()].slice(0, -IN_FLIGHT)) await this.#closeOne(other)
        this.#open.set(file, open(file))
      }
      const handle = await this.#open.get(file)
      const target = Buffer.allocUnsafe(bytes)
      let filled = 0
      while (handle !== undefined && filled < bytes) {
        const { bytesRead } = await handle.read(target, filled, bytes - filled, at + filled)
        if (bytesRead === 0)
          throw expected(`${bytes} bytes`, name, `${filled}`, `${file} has changed: prepare it again.`)
        filled += bytesRead
      }
      return target
    } catch (error) {
      throw fileFault(error, 'read', file)
    }
  }

  async close(): Promise<void> {
    for (const file of [...this.#open.keys()]) await this.#closeOne(file)
  }

  async #closeOne(file: string): Promise<void> {
    const opened = this.#open.get(file)
    this.#open.delete(file)
    await opened?.then((handle) => handle.close()).catch(() => undefined)
  }
}

/** A shard that is being written, under another name until it is whole. */
class ShardFile {
  readonly #path: string
  readonly #handle: FileHandle
  readonly #hash: Hash = createHash('sha256')
  #bytes = 0

  private constructor(path: string, handle: FileHandle) {
    this.#path = path
    this.#handle = handle
  }

  static async create(path: string): Promise<ShardFile> {
    try {
      const shard = new ShardFile(path, await open(partOf(path), 'w'))
      await shard.append(SHARD_MAGIC)
      return shard
    } catch (error) {
      throw fileFault(error, 'write', path)
    }
  }

  /** @returns where the bytes begin */
  async append(bytes: Buffer): Promise<number> {
    const offset = this.#bytes
    try {
      await this.#handle.writeFile(bytes)
    } catch (error) {
      throw fileFault(error, 'write', this.#path)
    }
    this.#hash.update(bytes)
    this.#bytes += bytes.length
    return offset
  }

  async finish(): Promise<{ readonly bytes: number; readonly sha256: string }> {
    try {
      await this.#handle.sync()
      await rename(partOf(this.#path), this.#path)
    } catch (error) {
      throw fileFault(error, 'write', this.#path)
    }
    return { bytes: this.#bytes, sha256: this.#hash.digest('hex') }
  }

  close(): Promise<void> {
    return this.#handle.close()
  }
}

const partOf = (path: string) => `${path}.part`

/** Writes a file aside, waits until it is on the disk, and gives it its name. @throws UserFault */
export async function writeWhole(path: string, contents: string | Buffer): Promise<void> {
  try {
    const handle = await open(partOf(path), 'w')
    try {
      await handle.writeFile(contents)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(partOf(path), path)
  } catch (error) {
    throw fileFault(error, 'write', path)
  }
}
