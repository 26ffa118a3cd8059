import t, { type Test } from 'tap'
import type { LoadedDataset } from '../../src/data/datasets/dataset.ts'
import { CENTRED, randomPlacement, viewSplit, writeImage } from '../../src/data/input/augmentation.ts'
import type { Pass } from '../../src/data/input/pass.ts'
import { type AssignedSlot, InputPipeline } from '../../src/data/input/pipeline.ts'
import { SLOT_STATES, slotPixels } from '../../src/data/input/slot-ring.ts'
import { slotIndex } from '../../src/vocabulary/counts.ts'
import { numberedDataset } from './small-dataset.ts'
import { filled, TRAINING, takeAll, takeSlot } from './take-batches.ts'

const TESTING: Pass = {
  split: 'test',
  epoch: 0,
  augment: 'none',
  shuffle: 'none',
  firstBatch: 0,
  partial: 'pad',
}
const dataset = numberedDataset(210, 37)

function pipelineFor(test: Test, decodeWorkers: number, slots = 8, data: LoadedDataset = dataset): InputPipeline {
  const pipeline = new InputPipeline({ dataset: data, batch: 8, slots, decodeWorkers, seed: 5 })
  test.teardown(() => pipeline.close())
  return pipeline
}

t.test('each image exactly once an epoch, in another order each epoch', async (t) => {
  const pipeline = pipelineFor(t, 2)
  t.equal(InputPipeline.batches(dataset.train, 8, 'pad'), 27)
  const orders: string[] = []
  for (const epoch of [0, 1, 0]) {
    pipeline.open({ ...TRAINING, epoch, partial: 'pad' })
    const batches = await takeAll(pipeline)
    t.same(
      batches.map(({ batch }) => batch),
      [...Array(27).keys()],
    )
    const labels = batches.flatMap((batch) => batch.labels)
    t.same(
      labels.filter((label) => label >= 0).sort((left, right) => left - right),
      [...Array(210).keys()],
    )
    orders.push(labels.join())
  }
  t.equal(orders[0], orders[2])
  t.not(orders[0], orders[1])
})

t.test('a slot holds the images that the pure functions make', async (t) => {
  const pipeline = pipelineFor(t, 1)
  const source = viewSplit(dataset.train)
  const size = pipeline.ring.geometry
  for (const augment of ['standard', 'none'] as const) {
    pipeline.open({ ...TRAINING, epoch: 4, augment })
    const slot = await pipeline.next()
    if (!slot) throw new Error('no batch')
    await filled(pipeline, slot.slot)
    const pixels = slotPixels(pipeline.ring, slot.slot).slice()
    const { labels } = await takeSlot(pipeline, slot)
    const image = new Uint8Array(32 * 32 * 3)
    for (const [row, sample] of labels.entries()) {
      const placement = augment === 'standard' ? randomPlacement(5, 4, sample) : CENTRED
      writeImage(image, 0, size, source, sample, placement)
      t.same(pixels.subarray(row * image.length, (row + 1) * image.length), image)
    }
  }
})

t.test('the bytes do not depend on the number of workers or slots', async (t) => {
  const runs: string[] = []
  for (const [workers, slots] of [
    [1, 8],
    [2, 8],
    [4, 8],
    [2, 1],
    [1, 3],
  ] as const) {
    const pipeline = pipelineFor(t, workers, slots)
    const hashes: string[] = []
    for (const epoch of [0, 1]) {
      pipeline.open({ ...TRAINING, epoch })
      hashes.push(...(await takeAll(pipeline)).map(({ hash }) => hash))
      pipeline.open({ ...TESTING, epoch })
      hashes.push(...(await takeAll(pipeline)).map(({ hash }) => hash))
    }
    runs.push(hashes.join())
    t.equal(hashes.length, 2 * (26 + 5))
    await pipeline.close()
  }
  t.equal(new Set(runs).size, 1)
})

t.test('a pass resumed within an epoch goes on with the same batches', async (t) => {
  const pipeline = pipelineFor(t, 2)
  pipeline.open(TRAINING)
  const whole = await takeAll(pipeline)
  pipeline.open({ ...TRAINING, firstBatch: 11 })
  t.same(await takeAll(pipeline), whole.slice(11))
  pipeline.open({ ...TRAINING, firstBatch: 26 })
  t.equal(await pipeline.next(), null)
})

t.test('a padded last batch says how many images it has; a dropped one does not come', async (t) => {
  const pipeline = pipelineFor(t, 1)
  pipeline.open(TRAINING)
  t.equal((await takeAll(pipeline)).length, 26)
  // Slots now hold old pixels, which padding must not show.
  pipeline.open(TESTING)
  for (let slot = await pipeline.next(); slot; slot = await pipeline.next()) {
    await filled(pipeline, slot.slot)
    const pixels = slotPixels(pipeline.ring, slot.slot)
    t.ok(pixels.subarray(slot.count * 3072).every((value) => value === 0))
    t.ok(pixels.subarray(0, slot.count * 3072).some((value) => value !== 0))
    const { labels, count, batch } = await takeSlot(pipeline, slot)
    t.equal(count, batch === 4 ? 5 : 8)
    t.same(
      labels,
      Array.from({ length: 8 }, (_, row) => (row < count ? batch * 8 + row : -1)),
    )
  }
})

t.test('no more slots are filled than there are', async (t) => {
  const pipeline = pipelineFor(t, 2, 4)
  pipeline.open(TRAINING)
  const held: (AssignedSlot | null)[] = []
  for (let slot = 0; slot < 4; slot++) held.push(await pipeline.next())
  t.equal(new Set(held.map((assigned) => assigned?.slot)).size, 4)
  let fifth: AssignedSlot | null = null
  const waiting = pipeline.next().then((slot) => {
    fifth = slot
  })
  await t.rejects(pipeline.next(), /one call of next\(\) at a time/)
  t.equal(fifth, null)
  const [first] = held
  if (!first) throw new Error('no batch')
  await takeSlot(pipeline, first)
  await waiting
  t.match(fifth, { slot: first.slot, batch: 4 })
  t.throws(() => pipeline.release(slotIndex(99)), /slot in use/)
})

t.test('a pass can be left at any time for another', async (t) => {
  const pipeline = pipelineFor(t, 2)
  pipeline.open(TESTING)
  const wanted = await takeAll(pipeline)
  for (let round = 0; round < 30; round++) {
    pipeline.open({ ...TRAINING, epoch: round })
    const left = round % 3 === 0 ? null : await pipeline.next()
    if (left && round % 3 === 1) pipeline.release(left.slot)
    pipeline.open(TESTING)
    t.same(await takeAll(pipeline), wanted)
    if (left && round % 3 === 2) pipeline.release(left.slot)
  }
})

t.test('a pass left while a batch is awaited: there is none', async (t) => {
  const pipeline = pipelineFor(t, 1, 2)
  pipeline.open(TRAINING)
  const held = [await pipeline.next(), await pipeline.next()]
  const waiting = pipeline.next()
  pipeline.open(TESTING)
  t.equal(await waiting, null)
  for (const assigned of held) if (assigned) pipeline.release(assigned.slot)
  t.equal((await takeAll(pipeline)).length, 5)
})

t.test('close ends a wait, and slots that will not be filled', async (t) => {
  const pipeline = pipelineFor(t, 1, 2)
  pipeline.open(TRAINING)
  const first = await pipeline.next()
  await pipeline.next()
  const waiting = pipeline.next()
  await pipeline.close()
  t.equal(await waiting, null)
  t.equal(await pipeline.next(), null)
  t.equal(pipeline.failure, null)
  if (first) pipeline.release(first.slot)
  const states = new Int32Array(pipeline.ring.states)
  t.notOk(states.includes(SLOT_STATES.filling))
  await pipeline.close()
  t.throws(() => pipeline.open(TRAINING), /closed/)
})

t.test('a batch that cannot be decoded stops the input, with the reason', async (t) => {
  const short = { ...dataset.train, images: new SharedArrayBuffer(1000) }
  const pipeline = pipelineFor(t, 2, 4, { ...dataset, train: short })
  pipeline.open(TRAINING)
  const slot = await pipeline.next()
  await t.rejects(filled(pipeline, slot?.slot ?? 0), /has failed/)
  t.match(pipeline.failure, { message: /^Decoding failed: Expected 164640 bytes for 210 images but received 1000/ })
  await t.rejects(pipeline.next(), /^Decoding failed/)
})

t.test('bad options are refused', async (t) => {
  const options = { dataset, batch: 8, slots: 4, decodeWorkers: 1, seed: 1 }
  t.throws(() => new InputPipeline({ ...options, decodeWorkers: 0 }), RangeError)
  t.throws(() => new InputPipeline({ ...options, slots: 0 }), RangeError)
  const pipeline = new InputPipeline({ ...options, batch: 300 })
  t.teardown(() => pipeline.close())
  t.throws(() => pipeline.open(TRAINING), { name: 'UserFault', message: /at least 300 images .* received 210/ })
  t.throws(() => pipeline.open({ ...TRAINING, partial: 'pad', firstBatch: 2 }), RangeError)
})

t.test(
  'repeated augmentation: each image several times in its batch, drawn anew, in any number of threads',
  async (t) => {
    const hashes: string[] = []
    for (const threads of [1, 2]) {
      const pipeline = pipelineFor(t, threads)
      const { height, width, channels } = pipeline.ring.geometry
      const bytes = height * width * channels
      pipeline.open({ ...TRAINING, epoch: 1, repeats: 4 })
      const slot = await pipeline.next()
      if (!slot) throw new Error('no batch')
      await filled(pipeline, slot.slot)
      const pixels = slotPixels(pipeline.ring, slot.slot).slice()
      const first = await takeSlot(pipeline, slot)
      // Two samples, each four times: a, b, a, b, ...
      t.equal(new Set(first.labels).size, 2)
      t.same(first.labels.slice(2), first.labels.slice(0, 6))
      // Of an image the first one is as without repeats; the others have other crops or flips.
      const source = viewSplit(dataset.train)
      const images = [0, 2, 4, 6].map((row) => pixels.subarray(row * bytes, (row + 1) * bytes))
      const plain = new Uint8Array(bytes)
      const sample = first.labels[0] ?? -1
      writeImage(plain, 0, { height, width, channels }, source, sample, randomPlacement(5, 1, sample))
      t.same(images[0], plain)
      t.ok(new Set(images.map((image) => Buffer.from(image).toString('hex'))).size >= 3)
      const rest = await takeAll(pipeline)
      hashes.push([first, ...rest].map(({ hash }) => hash).join())
      t.equal(rest.length + 1, 26)
      t.equal(new Set([first, ...rest].flatMap(({ labels }) => labels)).size, 52)
    }
    t.equal(hashes[0], hashes[1])
  },
)
