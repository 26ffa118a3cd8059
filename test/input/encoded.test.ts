/** Image files out of shards through real decode threads. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { packPictures, pictureDataset } from '../../bench/packed-pictures.ts'
import { centreCrop, randomResizedCrop } from '../../src/data/images/crop-plan.ts'
import { createImageDecoder } from '../../src/data/images/image-decoder.ts'
import { InputPipeline } from '../../src/data/input/pipeline.ts'
import { slotPixels } from '../../src/data/input/slot-ring.ts'
import { UserFault } from '../../src/vocabulary/fault.ts'
import { randomStream } from '../../src/vocabulary/random.ts'
import { CROP_CASES, readCropFile } from '../images/crop-cases.ts'
import { filled, TRAINING, takeAll, takeSlot } from './take-batches.ts'

const SIDE = 40
const PICTURES = CROP_CASES.filter((_, index) => index % 3 === 0).map(({ file, image }) => ({
  ...image,
  bytes: readCropFile(file),
}))
const EVALUATION = { ...TRAINING, split: 'test', augment: 'none', shuffle: 'none', partial: 'pad' } as const

/** 11 kinds of files, `times` over. */
function dataset(folder: string, times: number) {
  const pictures = Array.from({ length: times }, () => PICTURES).flat()
  return pictureDataset(packPictures(pictures, join(folder, 'shard'), 1000), SIDE)
}

t.test('each image in its row, cropped as (seed, epoch, sample) says', async (t) => {
  const images = dataset(t.testdir(), 2)
  const pipeline = new InputPipeline({ dataset: images, batch: 11, slots: 3, decodeWorkers: 1, seed: 7 })
  t.teardown(() => pipeline.close())
  const target = { width: SIDE, height: SIDE }
  const decoder = createImageDecoder()
  const wanted = new Uint8Array(SIDE * SIDE * 3)
  for (const pass of [{ ...TRAINING, epoch: 3, shuffle: 'none' } as const, EVALUATION]) {
    pipeline.open(pass)
    for (let batch = await pipeline.next(); batch !== null; batch = await pipeline.next()) {
      await filled(pipeline, batch.slot)
      const pixels = slotPixels(pipeline.ring, batch.slot)
      for (let row = 0; row < batch.count; row++) {
        const sample = batch.batch * 11 + row
        const picture = PICTURES[sample % PICTURES.length]
        if (picture === undefined) throw new Error('no picture')
        const crop =
          pass.augment === 'standard'
            ? randomResizedCrop(randomStream(7, 'augment', 3, sample), picture, target)
            : centreCrop(picture, target)
        await decoder.decode(picture.bytes, picture, crop, wanted, 0)
        const written = pixels.subarray(row * wanted.length, (row + 1) * wanted.length)
        t.equal(Buffer.compare(written, wanted), 0, `${pass.augment} ${sample}`)
      }
      pipeline.release(batch.slot)
    }
  }
})

t.test('the same batches for any number of threads and slots; each image once an epoch', async (t) => {
  const images = dataset(t.testdir(), 5)
  const passes: string[] = []
  for (const [decodeWorkers, slots] of [
    [1, 2],
    [2, 5],
    [3, 4],
  ] as const) {
    const pipeline = new InputPipeline({ dataset: images, batch: 8, slots, decodeWorkers, seed: 2 })
    pipeline.open({ ...TRAINING, epoch: 1, partial: 'pad' })
    const taken = await takeAll(pipeline)
    passes.push(taken.map(({ hash }) => hash).join())
    t.equal(taken.length, 7)
    t.same(
      taken.map(({ count }) => count),
      [8, 8, 8, 8, 8, 8, 7],
    )
    const labels = taken.flatMap((one) => one.labels)
    t.same(
      labels.slice(0, 55).toSorted((one, other) => one - other),
      Array.from({ length: 55 }, (_, index) => index),
    )
    t.same(labels.slice(55), [-1])
    await pipeline.close()
  }
  t.equal(new Set(passes).size, 1)
})

t.test('every flipped byte of a shard is found, and the image named', async (t) => {
  const folder = t.testdir()
  const images = dataset(folder, 1)
  const [path = ''] = images.train.shards
  const whole = readFileSync(path)
  for (let flip = 0; flip < 25; flip++) {
    const bytes = Buffer.from(whole)
    const place = Math.floor((flip + 0.5) * (whole.length / 25))
    bytes[place] = (bytes[place] ?? 0) ^ (1 << (flip % 8))
    writeFileSync(path, bytes)
    const pipeline = new InputPipeline({ dataset: images, batch: 11, slots: 2, decodeWorkers: 1, seed: 1 })
    pipeline.open(EVALUATION)
    const batch = await pipeline.next()
    if (batch === null) throw new Error('no batch')
    await t.rejects(takeSlot(pipeline, batch))
    await pipeline.next().catch(() => undefined)
    const sample = new Float64Array(images.train.index.offset).findLastIndex((offset) => offset <= place)
    t.ok(pipeline.failure instanceof UserFault)
    t.match(pipeline.failure, { message: `image ${sample} (byte `, remedy: /prepare --verify/ })
    await pipeline.close()
  }
})

t.test('a shard that is gone, or cut off, is named', async (t) => {
  const folder = t.testdir()
  const images = dataset(folder, 1)
  const failureOf = async () => {
    const pipeline = new InputPipeline({ dataset: images, batch: 11, slots: 2, decodeWorkers: 1, seed: 1 })
    pipeline.open(TRAINING)
    const batch = await pipeline.next()
    if (batch !== null) await takeSlot(pipeline, batch).catch(() => undefined)
    await pipeline.next().catch(() => undefined)
    await pipeline.close()
    return pipeline.failure
  }
  const [path = ''] = images.train.shards
  const whole = readFileSync(path)
  writeFileSync(path, whole.subarray(0, 1000))
  t.match(await failureOf(), { message: /for image \d+ \(byte \d+ of .*shard\) but received a file that ends after/ })
  const lost = { ...images, train: { ...images.train, shards: [join(folder, 'lost')] } }
  const pipeline = new InputPipeline({ dataset: lost, batch: 11, slots: 2, decodeWorkers: 1, seed: 1 })
  t.teardown(() => pipeline.close())
  pipeline.open(TRAINING)
  const batch = await pipeline.next()
  if (batch !== null) await takeSlot(pipeline, batch).catch(() => undefined)
  await pipeline.next().catch(() => undefined)
  t.match(pipeline.failure, { message: `Cannot read ${join(folder, 'lost')}: it does not exist.` })
})
