import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { UserFault } from '../vocabulary/fault.ts'
import { fileErrorCode } from '../vocabulary/file-fault.ts'
import { loadCifar } from './cifar.ts'
import type { DatasetName, ImageSplit, LoadedDataset } from './dataset.ts'
import { loadFashionMnist } from './fashion-mnist.ts'

/** Where `fetch` puts a dataset: $NATIVE_ENSEMBLE_DATA, or `data` in the working folder, and the dataset's name. */
export function defaultDataFolder(name: DatasetName): string {
  return join(process.env['NATIVE_ENSEMBLE_DATA'] || 'data', name)
}

/**
 * Reads a dataset into memory that worker threads share. Nothing is written.
 * @param data folder or archive file
 * @throws UserFault for files that are missing, of another kind, damaged or cut off, and for labels out of range
 */
export async function loadDataset(name: DatasetName, data: string): Promise<LoadedDataset<ImageSplit>> {
  await mustExist(name, data)
  return name === 'fashion-mnist' ? loadFashionMnist(data) : loadCifar(name, data)
}

async function mustExist(name: DatasetName, data: string): Promise<void> {
  try {
    await stat(data)
  } catch (error) {
    if (fileErrorCode(error) !== 'ENOENT') return
    throw new UserFault(
      `Expected the images of ${name} for ${data} but received a path that does not exist`,
      `Fetch them (native-ensemble fetch ${name}), or name their folder with --data.`,
      { cause: error },
    )
  }
}
