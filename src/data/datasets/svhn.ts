/**
 * Street View House Numbers, cropped digits (Netzer et al. 2011): MATLAB files with `X`, u8 [32, 32, 3, images] in
 * MATLAB's order (rows fastest, images slowest), and `y`, 1 .. 10, where 10 is the digit 0.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import type { PublishedName } from '../../vocabulary/dataset-name.ts'
import { expected } from '../../vocabulary/fault.ts'
import { fileFault } from '../../vocabulary/file-fault.ts'
import { CATALOGUE } from './catalogue.ts'
import type { ImageSplit, LoadedDataset } from './dataset.ts'
import { type ByteSink, type MatFields, readMat } from './mat-file.ts'

type SvhnName = Extract<PublishedName, 'svhn' | 'svhn-no-extra'>

const SIDE = 32
const CHANNELS = 3
const IMAGE_BYTES = CHANNELS * SIDE * SIDE
const READ_BYTES = 1 << 20
const FILES = { train: 'train_32x32.mat', extra: 'extra_32x32.mat', test: 'test_32x32.mat' } as const

/**
 * @param folder that holds the .mat files
 * @throws UserFault for a missing, wrong, damaged or cut off file, and for a label out of range
 */
export async function loadSvhn(name: SvhnName, folder: string): Promise<LoadedDataset<ImageSplit>> {
  const { description, files, images } = CATALOGUE[name]
  const training = name === 'svhn' ? [FILES.train, FILES.extra] : [FILES.train]
  for (const file of [...training, FILES.test]) await mustBeThere(name, folder, file)
  const train = await readSplit(training.map((file) => join(folder, file)))
  const test = await readSplit([join(folder, FILES.test)])
  const sources = [...train.sources, ...test.sources]
  const published = new Set<string>(files.map(({ sha256 }) => sha256))
  const notices = [
    ...sources.flatMap(({ path, sha256 }) =>
      published.has(sha256) ? [] : [`${path} is not the published file (its SHA-256 differs)`],
    ),
    ...(['train', 'test'] as const).flatMap((split) => {
      const { count } = { train, test }[split].split
      return count === images[split] ? [] : [`${split} has ${count} images where ${name} has ${images[split]}`]
    }),
  ]
  return { description, train: train.split, test: test.split, sources, notices }
}

async function mustBeThere(name: SvhnName, folder: string, file: string): Promise<void> {
  try {
    await access(join(folder, file))
  } catch {
    const instead = file === FILES.extra ? ' To train without it: --dataset svhn-no-extra.' : ''
    throw expected(
      file,
      `the folder ${folder}`,
      'a folder without it',
      `Fetch it (native-ensemble fetch ${name}), or name the folder of the .mat files.${instead}`,
    )
  }
}

interface ReadSplit {
  readonly split: ImageSplit
  readonly sources: readonly { readonly path: string; readonly sha256: string }[]
}

/** The images of the files, one after another. */
async function readSplit(paths: readonly string[]): Promise<ReadSplit> {
  const counts: number[] = []
  for (const path of paths) counts.push(await countImages(path))
  const count = counts.reduce((sum, images) => sum + images, 0)
  const images = new SharedArrayBuffer(count * IMAGE_BYTES)
  const labels = new SharedArrayBuffer(count * Int32Array.BYTES_PER_ELEMENT)
  const sources: ReadSplit['sources'][number][] = []
  let first = 0
  for (const [index, path] of paths.entries()) {
    const expectedImages = counts[index] ?? 0
    const target = new Uint8Array(images, first * IMAGE_BYTES, expectedImages * IMAGE_BYTES)
    const hash = createHash('sha256')
    const values = await readFile(path, { X: planesInto(target) }, (chunk) => hash.update(chunk))
    writeLabels(values, new Int32Array(labels, first * Int32Array.BYTES_PER_ELEMENT, expectedImages), path)
    sources.push({ path, sha256: hash.digest('hex') })
    first += expectedImages
  }
  const split = { storage: 'pixels', count, height: SIDE, width: SIDE, channels: CHANNELS, order: 'planes' } as const
  return { split: { ...split, images, labels }, sources }
}

async function readFile(
  path: string,
  sinks: Readonly<Record<string, ByteSink>>,
  seen: (chunk: Buffer) => void = () => {},
): Promise<MatFields> {
  const file = createReadStream(path, { highWaterMark: READ_BYTES })
  async function* chunks(): AsyncGenerator<Buffer, void, undefined> {
    try {
      for await (const chunk of file) {
        if (!Buffer.isBuffer(chunk)) throw new TypeError('Expected bytes from a file without encoding')
        seen(chunk)
        yield chunk
      }
    } catch (error) {
      throw fileFault(error, 'read', path)
    }
  }
  try {
    return await readMat(chunks(), path, sinks)
  } finally {
    file.destroy()
  }
}

/** From the header of X alone: the memory is made before the images are read. */
async function countImages(path: string): Promise<number> {
  let count = 0
  const sink: ByteSink = {
    begin(shape) {
      count = imagesOf(shape, path)
      return 'stop'
    },
    write() {},
  }
  await readFile(path, { X: sink })
  if (count === 0) throw expected(`X, u8 [${SIDE}, ${SIDE}, ${CHANNELS}, images]`, path, 'no such array', REMEDY)
  return count
}

const REMEDY = 'Give the cropped digits (format 2) as their home publishes them.'

function imagesOf(shape: readonly number[], path: string): number {
  const [height, width, channels, images = 1] = shape
  if (height !== SIDE || width !== SIDE || channels !== CHANNELS || shape.length > 4 || images < 1) {
    throw expected(`[${SIDE}, ${SIDE}, ${CHANNELS}, images]`, `X of ${path}`, `[${shape.join(', ')}]`, REMEDY)
  }
  return images
}

/** Images of [channel][column][row], rows fastest, become planes [channel][row][column]. */
function planesInto(target: Uint8Array): ByteSink {
  const image = new Uint8Array(IMAGE_BYTES)
  let filled = 0
  let at = 0
  return {
    begin: () => 'read',
    write(bytes) {
      for (let from = 0; from < bytes.length; ) {
        const piece = bytes.subarray(from, from + IMAGE_BYTES - filled)
        image.set(piece, filled)
        from += piece.length
        filled += piece.length
        if (filled < IMAGE_BYTES) return
        transposePlanes(image, target, at)
        at += IMAGE_BYTES
        filled = 0
      }
    },
  }
}

function transposePlanes(image: Uint8Array, target: Uint8Array, at: number): void {
  let from = 0
  for (let plane = at; plane < at + IMAGE_BYTES; plane += SIDE * SIDE) {
    for (let column = plane; column < plane + SIDE; column++) {
      for (let place = column; place < column + SIDE * SIDE; place += SIDE) target[place] = image[from++] ?? 0
    }
  }
}

function writeLabels(values: MatFields, target: Int32Array, path: string): void {
  const y = values.get('y')
  if (y?.kind !== 'numbers') throw expected('labels (y)', path, 'no such array of numbers', REMEDY)
  if (y.data.length !== target.length) {
    throw expected(`${target.length} labels, one for each image`, `y of ${path}`, y.data.length, REMEDY)
  }
  for (const [image, label] of y.data.entries()) {
    if (!Number.isInteger(label) || label < 1 || label > 10) {
      throw expected('a label of 1 .. 10 (10 is the digit 0)', `image ${image} of ${path}`, label, REMEDY)
    }
    target[image] = label % 10
  }
}
