/** Datasets whose files are published and read as they are; `svhn` = train + extra as in the paper. */
export const PUBLISHED_DATASETS = ['fashion-mnist', 'cifar10', 'cifar100', 'svhn', 'svhn-no-extra'] as const
/** Datasets that `native-ensemble prepare` packs into shards before they can be trained on. */
export const PREPARED_DATASETS = ['imagenet', 'image-folder'] as const
export const DATASET_NAMES = [...PUBLISHED_DATASETS, ...PREPARED_DATASETS] as const

/** Datasets that can be downloaded. */
export type PublishedName = (typeof PUBLISHED_DATASETS)[number]
export type PreparedName = (typeof PREPARED_DATASETS)[number]
export type DatasetName = (typeof DATASET_NAMES)[number]

export function isPrepared(name: DatasetName): name is PreparedName {
  return PREPARED_DATASETS.some((one) => one === name)
}

/** `a, b or c`. */
export const DATASET_WORDS = `${DATASET_NAMES.slice(0, -1).join(', ')} or ${DATASET_NAMES.at(-1)}`
