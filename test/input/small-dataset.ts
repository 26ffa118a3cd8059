/** Datasets in memory for tests of the input room: pixels that tell images apart, labels that number them. */
import type { ImageSplit, LoadedDataset } from '../../src/data/datasets/dataset.ts'

/** Images of stored size `side`; the label of an image is its own index. */
export function numberedSplit(count: number, side: number, channels: number, order: ImageSplit['order']): ImageSplit {
  const images = new SharedArrayBuffer(count * side * side * channels)
  const labels = new SharedArrayBuffer(count * Int32Array.BYTES_PER_ELEMENT)
  const pixels = new Uint8Array(images)
  // Never 0, so that padding can be told from pixels.
  for (let byte = 0; byte < pixels.length; byte++) pixels[byte] = 1 + ((Math.imul(byte, 2654435761) >>> 13) % 255)
  new Int32Array(labels).set(Array.from({ length: count }, (_, image) => image))
  return { storage: 'pixels', count, height: side, width: side, channels, order, images, labels }
}

/** 28 x 28 grey for an input of 32 x 32 x 3, as Fashion-MNIST. */
export function numberedDataset(train: number, test: number): LoadedDataset<ImageSplit> {
  const name = 'fashion-mnist'
  const statistics = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] }
  return {
    description: { name, classNames: ['a', 'b'], ...statistics, height: 32, width: 32, channels: 3 },
    train: numberedSplit(train, 28, 1, 'pixels'),
    test: numberedSplit(test, 28, 1, 'pixels'),
    sources: [],
    notices: [],
  }
}
