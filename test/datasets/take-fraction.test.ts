import t from 'tap'
import type { DatasetSplit, EncodedSplit, ImageSplit } from '../../src/data/datasets/dataset.ts'
import { takeFraction } from '../../src/data/datasets/take-fraction.ts'

/** Image i has the pixels i, i + 1 and the label of `labels[i]`. */
function splitOf(labels: readonly number[]): ImageSplit {
  const images = new SharedArrayBuffer(2 * labels.length)
  new Uint8Array(images).set(labels.flatMap((_, image) => [image, image + 1]))
  const shared = new SharedArrayBuffer(4 * labels.length)
  new Int32Array(shared).set(labels)
  return {
    storage: 'pixels',
    count: labels.length,
    height: 1,
    width: 2,
    channels: 1,
    order: 'planes',
    images,
    labels: shared,
  }
}

const labels = Array.from({ length: 100 }, (_, image) => (image < 70 ? 0 : 1))

function imagesOf(split: DatasetSplit): number[] {
  if (split.storage !== 'pixels') throw new Error('Expected pixels')
  return [...new Uint8Array(split.images)].filter((_, place) => place % 2 === 0)
}

t.test('a fraction takes its share of each class, image and label together, in the order of the archive', async (t) => {
  const part = takeFraction(splitOf(labels), 0.1)
  const images = imagesOf(part)
  t.equal(part.count, 10)
  t.same([...new Int32Array(part.labels)], [0, 0, 0, 0, 0, 0, 0, 1, 1, 1])
  t.same(
    images.map((image) => labels[image]),
    [...new Int32Array(part.labels)],
  )
  t.same(
    images,
    images.toSorted((one, other) => one - other),
  )
  t.equal(new Set(images).size, 10)
})

t.test('a larger fraction holds a smaller one, and 1 is the split itself', async (t) => {
  const whole = splitOf(labels)
  const tenth = imagesOf(takeFraction(whole, 0.1))
  const half = new Set(imagesOf(takeFraction(whole, 0.5)))
  t.ok(tenth.every((image) => half.has(image)))
  t.equal(takeFraction(whole, 1), whole)
})

t.test('a class with few images keeps one', async (t) => {
  t.same([...new Int32Array(takeFraction(splitOf([0, 0, 0, 1]), 0.1).labels)], [0, 1])
})

t.test('of encoded images the places in the shards are taken', async (t) => {
  const places = Array.from({ length: labels.length }, (_, image) => 1000 * image)
  const u32 = new SharedArrayBuffer(4 * labels.length)
  new Uint32Array(u32).set(places)
  const f64 = new SharedArrayBuffer(8 * labels.length)
  new Float64Array(f64).set(places)
  const index = { shard: u32, offset: f64, length: u32, checksum: u32, width: u32, height: u32 }
  const whole: EncodedSplit = { ...splitOf(labels), storage: 'encoded', shards: [], index }
  const part = takeFraction(whole, 0.1)
  if (part.storage !== 'encoded') throw new Error('Expected encoded images')
  const wanted = imagesOf(takeFraction(splitOf(labels), 0.1)).map((image) => 1000 * image)
  t.same([...new Float64Array(part.index.offset)], wanted)
  t.same([...new Uint32Array(part.index.checksum)], wanted)
})
