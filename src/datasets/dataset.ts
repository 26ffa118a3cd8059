/** A dataset as the rest of the program sees it: decoded-size pixels in shared memory and labels beside them. */

export const DATASET_NAMES = ['fashion-mnist', 'cifar10', 'cifar100'] as const
export type DatasetName = (typeof DATASET_NAMES)[number]
export type SplitName = 'train' | 'test'

export interface DatasetDescription {
  readonly name: DatasetName
  readonly classNames: readonly string[]
  /** Channel mean and standard deviation of pixels scaled to 0..1, one entry a channel of the network's input (3). */
  readonly mean: readonly number[]
  readonly std: readonly number[]
  /** Size of the network's input. */
  readonly height: number
  readonly width: number
  readonly channels: number
}

/** One split in memory that worker threads share; pixels are as the archive has them. */
export interface ImageSplit {
  readonly count: number
  /** Stored size of an image; smaller than the network's input where the input is zero-padded (Fashion-MNIST 28 -> 32). */
  readonly height: number
  readonly width: number
  readonly channels: number
  /** `planes` = [channels, height, width] an image (CIFAR), `pixels` = [height, width, channels]. */
  readonly order: 'planes' | 'pixels'
  /** count x channels x height x width bytes. */
  readonly images: SharedArrayBuffer
  /** count x i32, 0 .. classes - 1. */
  readonly labels: SharedArrayBuffer
}

export interface LoadedDataset {
  readonly description: DatasetDescription
  readonly train: ImageSplit
  readonly test: ImageSplit
  /** Files read, with their SHA-256, for the run folder. */
  readonly sources: readonly { readonly path: string; readonly sha256: string }[]
  /** What is unusual but allowed, in words (e.g. fewer images than the official archive). */
  readonly notices: readonly string[]
}
