/** Datasets that are published. */
import type { FetchProgress } from '../data/datasets/download.ts'
import { ILSVRC2012 } from '../data/datasets/ilsvrc2012.ts'
import { defaultDataFolder } from '../data/datasets/load-dataset.ts'
import { PREPARED_DATASETS, PUBLISHED_DATASETS, type PublishedName } from '../vocabulary/dataset-name.ts'
import { expected } from '../vocabulary/fault.ts'
import { didYouMean } from '../vocabulary/nearest-word.ts'
import { explained } from './begin.ts'

/** Where a dataset is put, and what reports the progress. */
export interface FetchOptions {
  /** Default: `$NATIVE_ENSEMBLE_DATA` or `./data`, and the dataset's name; `train` looks there too. */
  readonly data?: string
  readonly onProgress?: (progress: FetchProgress) => void
}

const { home, trainArchive, validationArchive, devkitArchive } = ILSVRC2012
/** ImageNet is given to registered people only. */
const IMAGENET_REMEDY =
  `Take ${trainArchive}, ${validationArchive} and ${devkitArchive} from ${home} into one folder, then pack them: ` +
  'native-ensemble prepare <folder> data/imagenet. Pictures of your own: native-ensemble prepare <folder> data/image-folder.'

/**
 * Downloads a published dataset and checks it; does nothing where it is there. As `native-ensemble fetch`.
 * @returns the folder that it is in
 * @throws UserFault for a dataset that cannot be had, or that comes with other bytes than it is published with
 */
export async function fetchDataset(name: PublishedName, { data, onProgress }: FetchOptions = {}): Promise<string> {
  if (!isPublished(name)) {
    const remedy = PREPARED_DATASETS.some((known) => known === name)
      ? IMAGENET_REMEDY
      : didYouMean(name, PUBLISHED_DATASETS, 'Name one of them.')
    throw expected(`one of ${PUBLISHED_DATASETS.join(', ')}`, 'the dataset', name, remedy)
  }
  return await explained(async () => {
    const folder = data ?? defaultDataFolder(name)
    const { fetchDataset: fetch } = await import('../data/datasets/fetch-dataset.ts')
    await fetch(name, folder, onProgress ?? (() => undefined))
    return folder
  })
}

function isPublished(name: string): name is PublishedName {
  return PUBLISHED_DATASETS.some((known) => known === name)
}
