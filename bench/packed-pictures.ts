/** Image files in memory as a split of one shard, without what `prepare` checks and notes. */
import { writeFileSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import type { EncodedSplit, LoadedDataset } from '../src/data/datasets/dataset.ts'
import { SHARD_MAGIC } from '../src/data/datasets/shard-index.ts'
import type { ImageSize } from '../src/data/images/crop-plan.ts'

export interface EncodedPicture extends ImageSize {
  readonly bytes: Uint8Array
}

/** @param path shard file to write; the label of an image is its place modulo `classes` */
export function packPictures(pictures: readonly EncodedPicture[], path: string, classes = 10): EncodedSplit {
  const count = pictures.length
  const words = () => new SharedArrayBuffer(4 * count)
  const offset = new SharedArrayBuffer(8 * count)
  const index = { shard: words(), offset, length: words(), checksum: words(), width: words(), height: words() }
  const labels = words()
  let end = SHARD_MAGIC.length
  for (const [sample, { bytes, width, height }] of pictures.entries()) {
    new Float64Array(offset)[sample] = end
    new Uint32Array(index.length)[sample] = bytes.length
    new Uint32Array(index.checksum)[sample] = crc32(bytes)
    new Uint32Array(index.width)[sample] = width
    new Uint32Array(index.height)[sample] = height
    new Int32Array(labels)[sample] = sample % classes
    end += bytes.length
  }
  writeFileSync(path, Buffer.concat([SHARD_MAGIC, ...pictures.map(({ bytes }) => bytes)]))
  return { storage: 'encoded', count, shards: [path], index, labels }
}

/** A dataset of photographs, the same for training and test. */
export function pictureDataset(split: EncodedSplit, side: number, classes = 10): LoadedDataset<EncodedSplit> {
  const colours = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }
  const classNames = Array.from({ length: classes }, (_, label) => `class ${label}`)
  const description = { name: 'image-folder', classNames, ...colours, height: side, width: side, channels: 3 } as const
  return { description, train: split, test: split, sources: [], notices: [] }
}
