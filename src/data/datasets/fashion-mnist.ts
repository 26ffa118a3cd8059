/** Fashion-MNIST (Xiao et al., arXiv:1708.07747): four IDX files, as published (.gz) or decompressed. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { expected } from '../../vocabulary/fault.ts'
import { fileErrorCode } from '../../vocabulary/file-fault.ts'
import { CATALOGUE } from './catalogue.ts'
import type { ImageSplit, LoadedDataset } from './dataset.ts'
import { readIdx } from './idx.ts'
import { readSourceFile, type SourceFile, sha256 } from './source-file.ts'

const ENTRY = CATALOGUE['fashion-mnist']
const SIDE = ENTRY.stored.height
const CLASSES = ENTRY.description.classNames.length
/** More than any of its files, so that a file that decompresses without end is refused. */
const LIMIT = 4 * Math.max(...ENTRY.files.map((file) => file.bytes))

/**
 * @param folder that holds the four files
 * @throws UserFault for a missing, damaged or cut off file, and for a label out of range
 */
export async function loadFashionMnist(folder: string): Promise<LoadedDataset<ImageSplit>> {
  const [train, test] = await inOrder(readSplit(folder, 'train'), readSplit(folder, 't10k'))
  const files = [...train.files, ...test.files]
  const notices = files.flatMap(({ path, contents }, index) =>
    sha256(contents) === ENTRY.files[index]?.sha256 ? [] : [`${path} is not the published file (its SHA-256 differs)`],
  )
  return {
    description: ENTRY.description,
    train: train.split,
    test: test.split,
    sources: files.map(({ path, sha256 }) => ({ path, sha256 })),
    notices,
  }
}

interface ReadSplit {
  readonly split: ImageSplit
  readonly files: readonly SourceFile[]
}

async function readSplit(folder: string, prefix: 'train' | 't10k'): Promise<ReadSplit> {
  const [imageFile, labelFile] = await inOrder(
    readEither(folder, `${prefix}-images-idx3-ubyte`),
    readEither(folder, `${prefix}-labels-idx1-ubyte`),
  )
  const { shape, data } = readIdx(imageFile.contents, 3, imageFile.path)
  const [count = 0, height, width] = shape
  const remedy = 'Check that the files are those of Fashion-MNIST, all of one version.'
  if (height !== SIDE || width !== SIDE || count === 0) {
    throw expected(`images of [count, ${SIDE}, ${SIDE}]`, imageFile.path, `[${shape.join(', ')}]`, remedy)
  }
  const labels = readIdx(labelFile.contents, 1, labelFile.path).data
  if (labels.length !== count) {
    throw expected(`${count} labels, one for each image`, labelFile.path, labels.length, remedy)
  }
  const wrong = labels.findIndex((label) => label >= CLASSES)
  if (wrong >= 0) {
    throw expected(`0 .. ${CLASSES - 1}`, `label ${wrong} of ${labelFile.path}`, labels[wrong], remedy)
  }
  const split: ImageSplit = {
    storage: 'pixels',
    count,
    height: SIDE,
    width: SIDE,
    channels: 1,
    order: 'pixels',
    images: new SharedArrayBuffer(data.length),
    labels: new SharedArrayBuffer(count * Int32Array.BYTES_PER_ELEMENT),
  }
  new Uint8Array(split.images).set(data)
  new Int32Array(split.labels).set(labels)
  return { split, files: [imageFile, labelFile] }
}

/** Both at once; of two faults the first is told, whichever came first. */
async function inOrder<T>(first: Promise<T>, second: Promise<T>): Promise<[T, T]> {
  second.catch(() => undefined)
  return [await first, await second]
}

/** The file as published, else the same decompressed. */
async function readEither(folder: string, name: string): Promise<SourceFile> {
  for (const path of [join(folder, `${name}.gz`), join(folder, name)]) {
    if (await isFile(path)) return readSourceFile(path, LIMIT)
  }
  throw expected(
    `${name}.gz`,
    `the folder ${folder}`,
    'a folder without it',
    'Fetch the images first (native-ensemble fetch fashion-mnist), or name the folder that has the four IDX files.',
  )
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile()
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(fileErrorCode(error) ?? '')) return false
    throw error
  }
}
