/** An archive with the sizes of CIFAR-100's binary version, to be loaded where the real one is not at hand. */
import { randomFillSync } from 'node:crypto'
import { createWriteStream, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { fillNormal } from '../src/vocabulary/random.ts'

const PIXELS = 3 * 32 * 32
const FILES = [
  ['train.bin', 50_000],
  ['test.bin', 10_000],
] as const
const TAR_BLOCK = 512
const IMAGES_AT_ONCE = 1000
/** Grey levels of a spread at which the archive compresses to nine tenths, as photographs do. */
const GREY = { mean: 120, spread: 50 }

/** Writes `cifar-100-binary.tar.gz` into the folder. */
export async function writeDrawnCifar100(folder: string): Promise<void> {
  await pipeline(
    Readable.from(tarBlocks()),
    createGzip({ level: 6 }),
    createWriteStream(join(folder, 'cifar-100-binary.tar.gz')),
  )
}

/** Writes the unpacked files, of any bytes: where only the speed counts, in a second. */
export function writeRandomCifar100(folder: string): void {
  for (const [name, images] of FILES) {
    const bytes = Buffer.alloc(images * (2 + PIXELS))
    randomFillSync(bytes)
    for (let image = 0; image < images; image++) label(bytes, image * (2 + PIXELS), image)
    writeFileSync(join(folder, name), bytes)
  }
}

/** Coarse and fine label of an image. */
function label(bytes: Uint8Array | Uint8ClampedArray, at: number, image: number): void {
  bytes[at] = image % 20
  bytes[at + 1] = image % 100
}

function* tarBlocks(): Generator<Buffer> {
  for (const [name, images] of FILES) {
    const size = images * (2 + PIXELS)
    yield tarHeader(`cifar-100-binary/${name}`, size)
    for (let first = 0; first < images; first += IMAGES_AT_ONCE) yield records(first, IMAGES_AT_ONCE)
    yield Buffer.alloc((TAR_BLOCK - (size % TAR_BLOCK)) % TAR_BLOCK)
  }
  yield Buffer.alloc(2 * TAR_BLOCK)
}

/** Coarse label, fine label, pixels. */
function records(first: number, images: number): Buffer {
  const drawn = new Float32Array(images * PIXELS)
  fillNormal(drawn, GREY.spread, first, 'perturbation')
  const bytes = Buffer.alloc(images * (2 + PIXELS))
  const pixels = new Uint8ClampedArray(bytes.buffer, bytes.byteOffset, bytes.length)
  for (let image = 0; image < images; image++) {
    const at = image * (2 + PIXELS)
    label(pixels, at, first + image)
    for (let pixel = 0; pixel < PIXELS; pixel++) {
      pixels[at + 2 + pixel] = GREY.mean + (drawn[image * PIXELS + pixel] ?? 0)
    }
  }
  return bytes
}

/** ustar: name at 0, mode at 100, size at 124, checksum at 148 (taken as spaces while it is summed), type at 156. */
function tarHeader(name: string, size: number): Buffer {
  const header = Buffer.alloc(TAR_BLOCK)
  header.write(name, 0)
  header.write('0000644\0', 100)
  header.write(`${size.toString(8).padStart(11, '0')}\0`, 124)
  header.write('        0', 148)
  header.write('ustar\x0000', 257)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return header
}
