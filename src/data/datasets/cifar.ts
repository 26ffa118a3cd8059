/**
 * CIFAR-10 and CIFAR-100, binary version (Krizhevsky 2009): records of one label byte (CIFAR-100: coarse, then fine)
 * and 3072 pixel bytes [3, 32, 32]. Read from the published tar.gz in memory, or from a folder with its .bin files.
 */
import { readdir, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { PublishedName } from '../../vocabulary/dataset-name.ts'
import { expected, type UserFault } from '../../vocabulary/fault.ts'
import { fileFault } from '../../vocabulary/file-fault.ts'
import { CATALOGUE } from './catalogue.ts'
import type { ImageSplit, LoadedDataset, SplitName } from './dataset.ts'
import { readSourceFile, type SourceFile } from './source-file.ts'
import { readTar } from './tar.ts'

type CifarName = Extract<PublishedName, 'cifar10' | 'cifar100'>

const SIDE = 32
const CHANNELS = 3
const IMAGE_BYTES = CHANNELS * SIDE * SIDE

/** What differs between the two: label bytes of a record (classes of each; the last is the one we learn) and names. */
const FORMATS = {
  cifar10: {
    labels: [10],
    train: ['data_batch_1.bin', 'data_batch_2.bin', 'data_batch_3.bin', 'data_batch_4.bin', 'data_batch_5.bin'],
    test: ['test_batch.bin'],
    classNames: 'batches.meta.txt',
    unpackedFolder: 'cifar-10-batches-bin',
  },
  cifar100: {
    labels: [20, 100],
    train: ['train.bin'],
    test: ['test.bin'],
    classNames: 'fine_label_names.txt',
    unpackedFolder: 'cifar-100-binary',
  },
} as const satisfies Record<CifarName, object>

/** A file of the dataset, from an archive or a folder. */
interface Part {
  readonly path: string
  readonly bytes: Buffer
}

interface Parts {
  readonly files: ReadonlyMap<string, Part>
  readonly sources: LoadedDataset['sources']
  readonly notices: readonly string[]
}

/**
 * @param data the archive, or a folder that has the archive or the .bin files
 * @throws UserFault for a missing, wrong, damaged or cut off file, and for a label out of range
 */
export async function loadCifar(name: CifarName, data: string): Promise<LoadedDataset<ImageSplit>> {
  const { description, images } = CATALOGUE[name]
  const { files, sources, notices } = await findParts(name, data)
  const train = readSplit(name, 'train', files, data)
  const test = readSplit(name, 'test', files, data)
  const counts = (
    [
      ['train', train],
      ['test', test],
    ] as const
  ).flatMap(([split, { count }]) =>
    count === images[split] ? [] : [`${split} has ${count} images where ${name} has ${images[split]}`],
  )
  const listed = readClassNames(files.get(FORMATS[name].classNames)?.bytes)
  const classNames = listed.length === description.classNames.length ? listed : description.classNames
  return { description: { ...description, classNames }, train, test, sources, notices: [...notices, ...counts] }
}

function readClassNames(file: Buffer | undefined): string[] {
  const lines = file?.toString('utf8').split(/\r?\n/) ?? []
  return lines.map((line) => line.trim()).filter((line) => line !== '')
}

async function findParts(name: CifarName, data: string): Promise<Parts> {
  const published = CATALOGUE[name].files[0]
  if (!(await isFolder(data))) return readArchive(name, data)
  const names = await readdir(data)
  const format = FORMATS[name]
  if (format.test.some((file) => names.includes(file))) return readFolder(name, data, names)
  if (names.includes(format.unpackedFolder)) {
    const folder = join(data, format.unpackedFolder)
    return readFolder(name, folder, await readdir(folder))
  }
  if (names.includes(published.name)) return readArchive(name, join(data, published.name))
  throw missing(name, data, `a folder with neither ${published.name} nor ${format.test[0]}`)
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch (error) {
    throw fileFault(error, 'read', path)
  }
}

async function readArchive(name: CifarName, path: string): Promise<Parts> {
  const published = CATALOGUE[name].files[0]
  const archive = await readSourceFile(path, 4 * published.bytes)
  const files = new Map<string, Part>()
  for (const [file, bytes] of readTar(archive.contents, path)) files.set(file, { path: `${file} in ${path}`, bytes })
  const notices =
    archive.sha256 === published.sha256 ? [] : [`${path} is not the published archive (its SHA-256 differs)`]
  return { files, sources: [{ path, sha256: archive.sha256 }], notices }
}

async function readFolder(name: CifarName, folder: string, names: readonly string[]): Promise<Parts> {
  const format = FORMATS[name]
  const wanted = [...format.train, ...format.test, format.classNames].filter((file) => names.includes(file))
  const files = new Map<string, Part>()
  const sources: Pick<SourceFile, 'path' | 'sha256'>[] = []
  for (const file of wanted) {
    const { path, sha256, contents } = await readSourceFile(join(folder, file), 4 * CATALOGUE[name].files[0].bytes)
    files.set(file, { path, bytes: contents })
    sources.push({ path, sha256 })
  }
  return { files, sources, notices: [] }
}

function readSplit(name: CifarName, split: SplitName, files: Parts['files'], data: string): ImageSplit {
  const format = FORMATS[name]
  const parts = format[split].flatMap((file) => files.get(file) ?? [])
  if (parts.length === 0) {
    const others = [...files.keys()].slice(0, 8).join(', ') || 'no files'
    throw missing(name, data, `${basename(data)} with ${others}`, format[split].join(', '))
  }
  const recordBytes = format.labels.length + IMAGE_BYTES
  for (const { path, bytes } of parts) {
    if (bytes.length === 0 || bytes.length % recordBytes !== 0) {
      throw expected(`a whole number of records of ${recordBytes} bytes`, path, `${bytes.length} bytes`, AGAIN)
    }
  }
  const count = parts.reduce((sum, { bytes }) => sum + bytes.length / recordBytes, 0)
  const images = new SharedArrayBuffer(count * IMAGE_BYTES)
  const labels = new SharedArrayBuffer(count * Int32Array.BYTES_PER_ELEMENT)
  const pixels = new Uint8Array(images)
  const classes = new Int32Array(labels)
  let image = 0
  for (const { path, bytes } of parts) {
    for (let at = 0; at < bytes.length; at += recordBytes) {
      classes[image] = checkedLabel(bytes, at, format.labels, recordBytes, path)
      bytes.copy(pixels, image * IMAGE_BYTES, at + format.labels.length, at + recordBytes)
      image++
    }
  }
  return { storage: 'pixels', count, height: SIDE, width: SIDE, channels: CHANNELS, order: 'planes', images, labels }
}

/** The last of a record's label bytes, all of them checked: a wrong coarse label means a file of another kind. */
function checkedLabel(
  bytes: Buffer,
  at: number,
  classes: readonly number[],
  recordBytes: number,
  path: string,
): number {
  let label = 0
  for (let index = 0; index < classes.length; index++) {
    const limit = classes[index] ?? 0
    label = bytes[at + index] ?? limit
    if (label >= limit) {
      throw expected(`a label of 0 .. ${limit - 1}`, `record ${at / recordBytes} of ${path}`, label, AGAIN)
    }
  }
  return label
}

const AGAIN = 'Check that this is the binary version of this dataset; if so, it is damaged: fetch it again.'

function missing(name: CifarName, data: string, received: string, sought?: string): UserFault {
  const { files } = CATALOGUE[name]
  const what = sought ?? `the binary version of ${name}`
  return expected(
    what,
    data,
    received,
    `Fetch it first (native-ensemble fetch ${name}), or name ${files[0].name} or the folder it was unpacked to.`,
  )
}
