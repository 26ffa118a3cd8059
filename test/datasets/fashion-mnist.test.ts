import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { loadDataset } from '../../src/data/datasets/load-dataset.ts'
import { fashionFiles, idxOf, pixelOf } from './write-archives.ts'

const TRAIN = [9, 0, 3, 3, 1]
const TEST = [2, 8]

function folderOf(files: Record<string, Buffer>, test: Test): string {
  const folder = test.testdir({})
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes)
  return folder
}

for (const gzip of [true, false]) {
  t.test(`${gzip ? 'published' : 'decompressed'} files are read into shared memory`, async (t) => {
    const folder = folderOf(fashionFiles(TRAIN, TEST, gzip), t)
    const { description, train, test, sources, notices } = await loadDataset('fashion-mnist', folder)
    t.match(train, { count: 5, height: 28, width: 28, channels: 1, order: 'pixels' })
    t.same([...new Int32Array(train.labels)], TRAIN)
    t.same([...new Int32Array(test.labels)], TEST)
    const pixels = new Uint8Array(train.images)
    t.equal(pixels.length, 5 * 784)
    t.ok(pixels.every((value, byte) => value === pixelOf(Math.floor(byte / 784), byte)))
    t.match(description, { height: 32, width: 32, channels: 3 })
    t.equal(description.classNames.length, 10)
    t.equal(sources.length, 4)
    t.equal(notices.length, 4, 'none of the four is the published file')
  })
}

const GOOD = fashionFiles(TRAIN, TEST, false)
const GZIPPED = fashionFiles(TRAIN, TEST, true)
const images = GOOD['train-images-idx3-ubyte'] ?? Buffer.alloc(0)
const gzipImages = GZIPPED['train-images-idx3-ubyte.gz'] ?? Buffer.alloc(0)
const damaged = Buffer.from(gzipImages)
damaged.fill(0x55, damaged.length >> 1, (damaged.length >> 1) + 20)

const FAULTS: [name: string, file: string, bytes: Buffer | null, message: RegExp][] = [
  ['missing file', 't10k-labels-idx1-ubyte', null, /^Expected t10k-labels-idx1-ubyte\.gz for the folder .* without it/],
  ['cut off', 'train-images-idx3-ubyte', images.subarray(0, 1000), /^Expected 3936 bytes .* received 1000 bytes/],
  ['cut in the header', 'train-images-idx3-ubyte', images.subarray(0, 9), /whole IDX header .* received 9 bytes/],
  ['too long', 'train-images-idx3-ubyte', Buffer.concat([images, images]), /^Expected 3936 bytes .* 7872 bytes/],
  ['labels as images', 'train-images-idx3-ubyte', idxOf([5], Uint8Array.from(TRAIN)), /3 axes .* received 0x00000801/],
  ['empty', 'train-images-idx3-ubyte', Buffer.alloc(0), /IDX file .* received 0 bytes/],
  ['other size', 'train-images-idx3-ubyte', idxOf([1, 2, 2], Buffer.alloc(4)), /\[count, 28, 28\] .* \[1, 2, 2\]/],
  ['fewer labels', 'train-labels-idx1-ubyte', idxOf([4], Buffer.alloc(4)), /^Expected 5 labels, one for each image/],
  ['label 10', 't10k-labels-idx1-ubyte', idxOf([2], Buffer.from([3, 10])), /^Expected 0 \.\. 9 for label 1 of .* 10$/],
  [
    'gzip cut off',
    'train-images-idx3-ubyte.gz',
    gzipImages.subarray(0, gzipImages.length - 9),
    /whole gzip file .* cut/,
  ],
  ['gzip damaged', 'train-images-idx3-ubyte.gz', damaged, /intact gzip file .* damaged/],
]

for (const [name, file, bytes, message] of FAULTS) {
  t.test(`${name}: the user is told`, async (t) => {
    const folder = folderOf(GOOD, t)
    if (bytes) writeFileSync(join(folder, file), bytes)
    else rmSync(join(folder, file))
    await t.rejects(loadDataset('fashion-mnist', folder), { name: 'UserFault', message, remedy: /\S/ })
  })
}

t.test('a folder that does not exist', async (t) => {
  const remedy = /native-ensemble fetch fashion-mnist/
  await t.rejects(loadDataset('fashion-mnist', join(t.testdir({}), 'none')), { name: 'UserFault', remedy })
})
