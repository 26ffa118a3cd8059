import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type DatasetName, isPrepared, type PreparedName, type PublishedName } from '../../vocabulary/dataset-name.ts'
import { UserFault } from '../../vocabulary/fault.ts'
import { fileErrorCode, fileProblem } from '../../vocabulary/file-fault.ts'
import { loadCifar } from './cifar.ts'
import type { EncodedSplit, ImageSplit, LoadedDataset } from './dataset.ts'
import { loadFashionMnist } from './fashion-mnist.ts'
import { loadShards } from './load-shards.ts'
import { PREPARE_FIRST } from './prepare-remedy.ts'
import { loadSvhn } from './svhn.ts'

/** Where `fetch` puts a dataset: $NATIVE_ENSEMBLE_DATA, or `data` in the working folder, and the dataset's name. */
export function defaultDataFolder(name: DatasetName): string {
  // The two SVHNs are the same files.
  return join(process.env['NATIVE_ENSEMBLE_DATA'] || 'data', name === 'svhn-no-extra' ? 'svhn' : name)
}

/**
 * Reads a dataset into memory that worker threads share; of images in shards only where they lie. Nothing is written.
 * @param data folder or archive file
 * @throws UserFault for files that are missing, of another kind, damaged or cut off, and for labels out of range
 */
export function loadDataset(name: PublishedName, data: string): Promise<LoadedDataset<ImageSplit>>
export function loadDataset(name: PreparedName, data: string): Promise<LoadedDataset<EncodedSplit>>
export function loadDataset(name: DatasetName, data: string): Promise<LoadedDataset>
export async function loadDataset(name: DatasetName, data: string): Promise<LoadedDataset> {
  await mustExist(name, data)
  switch (name) {
    case 'fashion-mnist':
      return loadFashionMnist(data)
    case 'cifar10':
    case 'cifar100':
      return loadCifar(name, data)
    case 'svhn':
    case 'svhn-no-extra':
      return loadSvhn(name, data)
    case 'imagenet':
    case 'image-folder':
      return loadShards(name, data)
  }
}

async function mustExist(name: DatasetName, data: string): Promise<void> {
  try {
    await stat(data)
  } catch (error) {
    if (fileErrorCode(error) !== 'ENOENT') return
    throw new UserFault(
      `Expected the images of ${name} for ${data} but ${fileProblem(error, data)}`,
      isPrepared(name)
        ? PREPARE_FIRST
        : `Fetch them (native-ensemble fetch ${name}), or name their folder with --data.`,
      { cause: error },
    )
  }
}
