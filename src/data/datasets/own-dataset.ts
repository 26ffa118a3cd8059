/** Datasets that a user defines: images in arrays, or files that the decode threads read. */
import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { UserFault } from '../../vocabulary/fault.ts'
import { fileFault } from '../../vocabulary/file-fault.ts'
import { findOwn, isRecord, wrongOwn } from '../../vocabulary/own-definitions.ts'
import type { DatasetDescription, DatasetSplit, FileSplit, ImageSplit, LoadedDataset, SplitName } from './dataset.ts'

/** Images in memory. */
export interface ArrayImages {
  /** [images, height, width, channels], 0 - 255; of one channel, which is repeated, or three (red, green, blue). */
  readonly pixels: Uint8Array
  /** Class of each image, from 0. */
  readonly labels: ArrayLike<number>
  /** Size of an image where it is smaller than the input, which is then filled up with zeros around it. */
  readonly height?: number
  readonly width?: number
  /** Default: 3. */
  readonly channels?: 1 | 3
}

/** Image files, which are read and decoded by the pool's threads as they are needed. */
export interface FileImages {
  /** Paths, absolute or from the working folder. */
  readonly files: readonly string[]
  /** Class of each file, from 0. */
  readonly labels: ArrayLike<number>
}

/** A dataset as a user defines it. */
export interface OwnDataset {
  readonly name: string
  readonly classNames: readonly string[]
  /** Pixels of the network's input. */
  readonly height: number
  readonly width: number
  /** Of the three channels, of pixels scaled to 0 - 1 (default: 0.5 and 0.25 each). */
  readonly mean?: readonly number[]
  readonly std?: readonly number[]
  /**
   * Module whose export `decode` decodes files of formats of your own, in the decode threads: `Decode`. Without it files are
   * JPEG, PNG, WebP, GIF, BMP, TIFF or PPM.
   */
  readonly decoder?: URL | string
  /** The images. @param where `data`: the setting of that name (`--data`), null where it was not given */
  load(where: { readonly data: string | null }): OwnImages | Promise<OwnImages>
}

/** Images of a dataset by split; without test images no error is measured while training. */
export interface OwnImages {
  readonly train: ArrayImages | FileImages
  readonly test?: ArrayImages | FileImages
}

/** The description of the user's dataset that a setting's word names; null for words that name none. @throws UserFault */
export function describeOwnDataset(reference: string): DatasetDescription | null {
  const own = findOwn('dataset', reference)
  if (own === null) return null
  const { definition, source } = own
  const dataset = checked(definition, source)
  const { classNames, height, width, mean = [0.5, 0.5, 0.5], std = [0.25, 0.25, 0.25] } = dataset
  const remedy = 'See defineDataset for what each member is.'
  if (![height, width].every((side) => Number.isSafeInteger(side) && side >= 8 && side <= 1024)) {
    throw wrongOwn('a height and width of 8 to 1024 pixels', source, `${height} and ${width}`, remedy)
  }
  if (![mean, std].every((row) => row.length === 3 && row.every(Number.isFinite)) || std.some((value) => value <= 0)) {
    throw wrongOwn('three numbers as mean and as std', source, `${mean} and ${std}`, remedy)
  }
  return { name: reference, classNames, height, width, channels: 3, mean, std }
}

/** Its images; null for words that name no dataset of the user's. @throws UserFault that names the file it is defined in */
export async function loadOwnDataset(reference: string, data: string | null): Promise<LoadedDataset | null> {
  const description = describeOwnDataset(reference)
  const own = findOwn('dataset', reference)
  if (description === null || own === null) return null
  const { definition, source } = own
  const dataset = checked(definition, source)
  const remedy = 'load returns { train, test }, each { pixels, labels } or { files, labels }.'
  let images: unknown
  try {
    images = await dataset.load({ data })
  } catch (error) {
    if (error instanceof UserFault) throw error
    const message = error instanceof Error ? error.message : String(error)
    throw wrongOwn('images from load', source, `an error: ${message}`, remedy, error)
  }
  if (!isRecord(images)) throw wrongOwn('{ train, test } from load', source, String(images), remedy)
  const decoder = dataset.decoder === undefined ? null : moduleUrl(dataset.decoder)
  const read = (split: SplitName) => readSplit(images[split] ?? NO_IMAGES, split, description, decoder, source)
  const [train, test] = [await read('train'), await read('test')]
  const sources = [
    { path: `${source}, train`, sha256: train.sha256 },
    { path: `${source}, test`, sha256: test.sha256 },
  ]
  const notices = test.split.count === 0 ? ['the dataset has no test images: no error is measured in training'] : []
  return { description, train: train.split, test: test.split, sources, notices }
}

const NO_IMAGES = { pixels: new Uint8Array(), labels: [] }

const moduleUrl = (module: URL | string) =>
  module instanceof URL || module.startsWith('file:') ? String(module) : pathToFileURL(resolve(module)).href

function checked(definition: unknown, source: string): OwnDataset {
  if (isOwnDataset(definition)) return definition
  const received = isRecord(definition) ? `an object with ${Object.keys(definition).join(', ')}` : typeof definition
  const remedy = 'Make it with defineDataset.'
  throw wrongOwn('a dataset with name, classNames, height, width and load', source, received, remedy)
}

function isOwnDataset(value: unknown): value is OwnDataset {
  return (
    isRecord(value) &&
    Array.isArray(value['classNames']) &&
    value['classNames'].length > 0 &&
    value['classNames'].every((name) => typeof name === 'string') &&
    typeof value['load'] === 'function'
  )
}

/** A split in the memory that threads share, and what tells it from another. */
interface ReadSplit {
  readonly split: DatasetSplit
  readonly sha256: string
}

async function readSplit(
  images: unknown,
  name: SplitName,
  description: DatasetDescription,
  decoder: string | null,
  source: string,
): Promise<ReadSplit> {
  const place = `${name} of ${source}`
  if (isFileImages(images)) return await fileSplit(images, place, description, decoder)
  if (isArrayImages(images)) return arraySplit(images, place, description)
  const received = isRecord(images) ? `an object with ${Object.keys(images).join(', ')}` : typeof images
  throw wrongOwn(
    '{ pixels, labels } or { files, labels }',
    place,
    received,
    'pixels is a Uint8Array, files an array of paths.',
  )
}

function arraySplit(images: ArrayImages, place: string, description: DatasetDescription): ReadSplit {
  const { pixels, height = description.height, width = description.width, channels = 3 } = images
  const count = images.labels.length
  if (pixels.length !== count * height * width * channels) {
    const wanted = `${count} x ${height} x ${width} x ${channels} bytes, for as many labels,`
    throw wrongOwn(wanted, place, `${pixels.length} bytes`, 'pixels is [images, height, width, channels].')
  }
  if (height > description.height || width > description.width) {
    const remedy = 'Say the size of the input with height and width of the dataset.'
    throw wrongOwn(
      `images of at most ${description.height} x ${description.width}`,
      place,
      `${height} x ${width}`,
      remedy,
    )
  }
  const labels = shareLabels(images.labels, place, description)
  const shared = new SharedArrayBuffer(pixels.length)
  new Uint8Array(shared).set(pixels)
  const hash = createHash('sha256').update(pixels).update(new Uint8Array(labels).slice())
  const split: ImageSplit = {
    storage: 'pixels',
    count,
    height,
    width,
    channels,
    order: 'pixels',
    images: shared,
    labels,
  }
  return { split, sha256: hash.digest('hex') }
}

/** Files are told apart by their names, sizes and classes: reading all of them would take as long as an epoch. */
async function fileSplit(
  { files, labels: classes }: FileImages,
  place: string,
  description: DatasetDescription,
  decoder: string | null,
): Promise<ReadSplit> {
  if (files.length !== classes.length) {
    throw wrongOwn(
      `${files.length} labels, one for each file,`,
      place,
      String(classes.length),
      'Give each file its class.',
    )
  }
  const labels = shareLabels(classes, place, description)
  const hash = createHash('sha256')
  for (const [sample, file] of files.entries()) {
    try {
      hash.update(`${file}\t${(await stat(file)).size}\t${classes[sample]}\n`)
    } catch (error) {
      throw fileFault(error, 'read', file)
    }
  }
  const paths = files.map((file) => resolve(file))
  const split: FileSplit = { storage: 'files', count: files.length, files: paths, labels, decoder }
  return { split, sha256: hash.digest('hex') }
}

function shareLabels(labels: ArrayLike<number>, place: string, { classNames }: DatasetDescription): SharedArrayBuffer {
  const shared = new SharedArrayBuffer(4 * labels.length)
  const target = new Int32Array(shared)
  for (let sample = 0; sample < labels.length; sample++) {
    const label = labels[sample] ?? Number.NaN
    if (!Number.isSafeInteger(label) || label < 0 || label >= classNames.length) {
      const wanted = `a label of 0 .. ${classNames.length - 1} for image ${sample}`
      throw wrongOwn(wanted, place, String(label), 'Labels are places in classNames.')
    }
    target[sample] = label
  }
  return shared
}

function isLabels(value: unknown): value is ArrayLike<number> {
  return Array.isArray(value) || ArrayBuffer.isView(value)
}

function isFileImages(value: unknown): value is FileImages {
  if (!isRecord(value) || !isLabels(value['labels'])) return false
  return Array.isArray(value['files']) && value['files'].every((file) => typeof file === 'string')
}

function isArrayImages(value: unknown): value is ArrayImages {
  return isRecord(value) && isLabels(value['labels']) && value['pixels'] instanceof Uint8Array
}
