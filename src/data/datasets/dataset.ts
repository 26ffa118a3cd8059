/** A dataset as the rest of the program sees it: pixels in shared memory, or encoded images in shards, and labels. */
export type SplitName = 'train' | 'test'

export interface DatasetDescription {
  /** Of the package's datasets; of the user's own the word that settings name it by. */
  readonly name: string
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
  readonly storage: 'pixels'
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

/** One split of encoded images (JPEG and others) as they lie in shard files; only where they lie is in memory. */
export interface EncodedSplit {
  readonly storage: 'encoded'
  readonly count: number
  /** Absolute paths of the shard files. */
  readonly shards: readonly string[]
  readonly index: ShardIndex
  /** count x i32, 0 .. classes - 1. */
  readonly labels: SharedArrayBuffer
}

/** Where each encoded image lies: columns in memory that worker threads share, an entry a sample. */
export interface ShardIndex {
  /** u32: which of `shards`. */
  readonly shard: SharedArrayBuffer
  /** f64: byte of the shard file at which the image's bytes begin. */
  readonly offset: SharedArrayBuffer
  /** u32: bytes of the encoded image. */
  readonly length: SharedArrayBuffer
  /** u32: CRC-32 of these bytes, as zlib.crc32. */
  readonly checksum: SharedArrayBuffer
  /** u32: pixels of the whole decoded image, before any EXIF orientation, as torchvision. */
  readonly width: SharedArrayBuffer
  readonly height: SharedArrayBuffer
}

/** One split of image files that a user's dataset lists. */
export interface FileSplit {
  readonly storage: 'files'
  readonly count: number
  /** Absolute paths. */
  readonly files: readonly string[]
  /** count x i32, 0 .. classes - 1. */
  readonly labels: SharedArrayBuffer
  /** Address of the user's module that decodes them; null = the package's decoders. */
  readonly decoder: string | null
}

export type DatasetSplit = ImageSplit | EncodedSplit | FileSplit

export interface LoadedDataset<Split extends DatasetSplit = DatasetSplit> {
  readonly description: DatasetDescription
  readonly train: Split
  readonly test: Split
  /** Files read, with their SHA-256, for the run folder. */
  readonly sources: readonly { readonly path: string; readonly sha256: string }[]
  /** What is unusual but allowed, in words (e.g. fewer images than the official archive). */
  readonly notices: readonly string[]
}
