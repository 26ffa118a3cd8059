/** Hosts that share each batch: together they take each image of an epoch once, in the order of one host alone. */
import t from 'tap'
import { partOfBatch } from '../../src/data/input/batch-share.ts'
import { InputPipeline } from '../../src/data/input/pipeline.ts'
import { slotLabels, slotPixels } from '../../src/data/input/slot-ring.ts'
import { randomStream } from '../../src/vocabulary/random.ts'
import { numberedDataset } from './small-dataset.ts'
import { filled, TRAINING } from './take-batches.ts'

t.test('each place comes once, in order, for any number of hosts', (t) => {
  const draws = randomStream(7, 'order', 0)
  for (let round = 0; round < 300; round++) {
    const [hosts, rows, images] = [1 + draws.below(9), 1 + draws.below(12), draws.below(500)]
    const places: number[] = []
    for (let batch = 0; batch * hosts * rows < images; batch++) {
      for (let rank = 0; rank < hosts; rank++) {
        const { first, count } = partOfBatch(batch, rows, { hosts, rank }, images)
        for (let row = 0; row < count; row++) places.push(first + row)
      }
    }
    const wanted = Array.from({ length: images }, (_, place) => place)
    if (JSON.stringify(places) !== JSON.stringify(wanted)) t.fail(`${hosts} hosts, ${rows} rows, ${images} images`)
  }
  t.pass('300 drawn cases')
  t.end()
})

/** Pixels and labels of an epoch's batches from the second on, as one host sees them. */
async function batchesOf(hosts: number, rank: number): Promise<{ pixels: Uint8Array; labels: number[] }[]> {
  const dataset = numberedDataset(50, 20)
  const pipeline = new InputPipeline({ dataset, batch: 12 / hosts, slots: 6, decodeWorkers: 2, seed: 5 })
  const seen: { pixels: Uint8Array; labels: number[] }[] = []
  try {
    pipeline.open({ ...TRAINING, epoch: 3, firstBatch: 1, share: { hosts, rank } })
    for (let taken = await pipeline.next(); taken !== null; taken = await pipeline.next()) {
      await filled(pipeline, taken.slot)
      const pixels = Uint8Array.from(slotPixels(pipeline.ring, taken.slot))
      seen.push({ pixels, labels: [...slotLabels(pipeline.ring, taken.slot)] })
      pipeline.release(taken.slot)
    }
  } finally {
    await pipeline.close()
  }
  return seen
}

t.test('the parts of 2 and 3 hosts are the batches of one, augmentation included', async (t) => {
  const whole = await batchesOf(1, 0)
  t.equal(whole.length, 3, 'of 4 whole batches all but the first')
  t.equal(new Set(whole.flatMap(({ labels }) => labels)).size, 36, 'no image twice')
  for (const hosts of [2, 3]) {
    const parts = await Promise.all(Array.from({ length: hosts }, (_, rank) => batchesOf(hosts, rank)))
    const joined = whole.map((_, batch) => ({
      pixels: Uint8Array.from(Buffer.concat(parts.map((part) => part[batch]?.pixels ?? new Uint8Array()))),
      labels: parts.flatMap((part) => part[batch]?.labels ?? []),
    }))
    t.same(joined, whole, `${hosts} hosts`)
  }
})
