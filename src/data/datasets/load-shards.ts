/** Datasets that `prepare` packed: the manifest and the indices are read, the images stay where they are. */
import { readFile, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { PreparedName } from '../../vocabulary/dataset-name.ts'
import { expected, UserFault } from '../../vocabulary/fault.ts'
import { fileErrorCode, fileFault, fileProblem } from '../../vocabulary/file-fault.ts'
import type { DatasetDescription, EncodedSplit, LoadedDataset, SplitName } from './dataset.ts'
import { ILSVRC2012 } from './ilsvrc2012.ts'
import { decodeIndex, type ReadIndex } from './shard-index.ts'
import { MANIFEST_FILE, readManifest, type ShardManifest, type SizedFile } from './shard-manifest.ts'
import { sha256 } from './source-file.ts'

const AGAIN = 'Copy the shards again from where they are whole, or prepare the images again.'

/**
 * What the manifest says, before any image is looked for.
 * @throws UserFault where the folder holds no shards, or shards of another dataset
 */
export async function describeShards(name: PreparedName, folder: string): Promise<DatasetDescription> {
  return describe(name, folder, await readManifest(folder))
}

/**
 * @param folder that `prepare` made
 * @throws UserFault where it holds no shards, shards of another dataset, or where a file is missing or of another size
 */
export async function loadShards(name: PreparedName, folder: string): Promise<LoadedDataset<EncodedSplit>> {
  const manifest = await readManifest(folder)
  const description = describe(name, folder, manifest)
  const [train, test] = [await readSplit(folder, manifest, 'train'), await readSplit(folder, manifest, 'test')]
  const manifestPath = join(folder, MANIFEST_FILE)
  return {
    description,
    train: train.split,
    test: test.split,
    sources: [{ path: manifestPath, sha256: sha256(await readFile(manifestPath)) }, train.source, test.source],
    notices: noticesOf(name, manifest),
  }
}

function describe(name: PreparedName, folder: string, { kind, classes, input }: ShardManifest): DatasetDescription {
  if (name === 'imagenet' && kind !== 'ilsvrc2012') {
    const [first] = classes
    const received = `shards of other images (their first class is ${first?.folder})`
    throw expected('shards of ILSVRC2012', folder, received, 'Use --dataset image-folder.')
  }
  const { height, width, mean, std } = input
  return { name, classNames: classes.map((one) => one.name), mean, std, height, width, channels: 3 }
}

function noticesOf(name: PreparedName, { bad, classes, splits }: ShardManifest): string[] {
  const notices =
    bad.length === 0 ? [] : [`${bad.length} damaged images were left out of the shards (see manifest.json)`]
  if (splits.test.count === 0) {
    notices.push('the shards have no test images (prepare --validation 0): no error is measured in training')
  }
  if (name !== 'imagenet') return notices
  const counts = {
    classes: classes.length,
    'training images': splits.train.count,
    'validation images': splits.test.count,
  }
  const published = {
    classes: ILSVRC2012.classes,
    'training images': ILSVRC2012.images.train,
    'validation images': ILSVRC2012.images.test,
  }
  for (const what of ['classes', 'training images', 'validation images'] as const) {
    if (counts[what] !== published[what]) {
      notices.push(`the shards have ${counts[what]} ${what} where ILSVRC2012 has ${published[what]}`)
    }
  }
  return notices
}

interface ReadSplit {
  readonly split: EncodedSplit
  readonly source: { readonly path: string; readonly sha256: string }
}

async function readSplit(folder: string, manifest: ShardManifest, name: SplitName): Promise<ReadSplit> {
  const { count, index: file, shards } = manifest.splits[name]
  const { index, path, sha256 } = await readIndexFile(folder, file)
  const paths: string[] = []
  for (const shard of shards) {
    await mustHaveSize(folder, shard)
    paths.push(resolve(folder, shard.file))
  }
  checkIndex(index, count, manifest.classes.length, shards, path)
  return {
    split: { storage: 'encoded', count, shards: paths, index: index.index, labels: index.labels },
    source: { path, sha256 },
  }
}

/** The index, its checksum compared with the manifest's. @throws UserFault */
export async function readIndexFile(
  folder: string,
  file: SizedFile,
): Promise<{ readonly index: ReadIndex; readonly path: string; readonly sha256: string }> {
  const path = join(folder, file.file)
  await mustHaveSize(folder, file)
  const bytes = await readFile(path)
  const received = sha256(bytes)
  if (received !== file.sha256) throw expected(`SHA-256 ${file.sha256}`, path, received, AGAIN)
  return { index: decodeIndex(bytes, path), path, sha256: received }
}

/** @throws UserFault for a file that is not there, or not of the manifest's size */
async function mustHaveSize(folder: string, { file, bytes }: SizedFile): Promise<void> {
  const path = join(folder, file)
  try {
    const { size } = await stat(path)
    if (size !== bytes) throw expected(`${bytes} bytes`, path, `${size} bytes`, AGAIN)
  } catch (error) {
    if (fileErrorCode(error) !== 'ENOENT') throw fileFault(error, 'read', path)
    throw new UserFault(`Expected ${bytes} bytes for ${path} but ${fileProblem(error, path)}.`, AGAIN, { cause: error })
  }
}

/** Every entry points into its shard and has a label: the decoders then read without asking again. */
function checkIndex(
  { count, index, labels }: ReadIndex,
  listed: number,
  classes: number,
  shards: readonly SizedFile[],
  path: string,
): void {
  if (count !== listed) throw expected(`${listed} images`, path, `${count} images`, AGAIN)
  const [label, shard, length] = [new Int32Array(labels), new Uint32Array(index.shard), new Uint32Array(index.length)]
  const offset = new Float64Array(index.offset)
  for (let sample = 0; sample < count; sample++) {
    const bytes = shards[shard[sample] ?? -1]?.bytes ?? -1
    const from = offset[sample] ?? -1
    const known = (label[sample] ?? -1) >= 0 && (label[sample] ?? classes) < classes
    if (!known || !Number.isSafeInteger(from) || from < 0 || from + (length[sample] ?? 0) > bytes) {
      throw expected(
        'an image within its shard and a label of its classes',
        `entry ${sample} of ${path}`,
        'neither',
        AGAIN,
      )
    }
  }
}
