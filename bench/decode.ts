/**
 * Images a second that decode threads put into slots: `node dist/bench/decode.js [workers ...]`, default 1 and 2.
 * Synthetic pixels (the cost does not depend on them), batches of 128, standard augmentation; the median of rounds that
 * alternate between the numbers of workers, and their spread. Nothing else consumes: this is the input's ceiling.
 */
import { cpus, loadavg } from 'node:os'
import type { ImageSplit, LoadedDataset } from '../src/data/datasets/dataset.ts'
import { InputPipeline } from '../src/data/input/pipeline.ts'
import { SLOT_STATES } from '../src/data/input/slot-ring.ts'

const IMAGES = 51_200
const ROUNDS = 5

function syntheticSplit(count: number, side: number, channels: number, order: ImageSplit['order']): ImageSplit {
  const images = new SharedArrayBuffer(count * side * side * channels)
  const pixels = new Uint8Array(images)
  for (let byte = 0; byte < pixels.length; byte++) pixels[byte] = (byte * 31) & 0xff
  const labels = new SharedArrayBuffer(4 * count)
  return { storage: 'pixels', count, height: side, width: side, channels, order, images, labels }
}

function syntheticDataset(split: ImageSplit): LoadedDataset {
  const statistics = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] }
  const description = { name: 'cifar10', classNames: [], ...statistics, height: 32, width: 32, channels: 3 } as const
  return { description, train: split, test: split, sources: [], notices: [] }
}

/** Images a second of one pass, threads already running. */
async function pass(pipeline: InputPipeline, epoch: number): Promise<number> {
  const states = new Int32Array(pipeline.ring.states)
  const start = performance.now()
  pipeline.open({ split: 'train', epoch, augment: 'standard', shuffle: 'epoch', firstBatch: 0, partial: 'drop' })
  // A slot given back before it is filled is free again as soon as it is.
  for (let slot = await pipeline.next(); slot !== null; slot = await pipeline.next()) pipeline.release(slot.slot)
  while (states.includes(SLOT_STATES.filling)) await new Promise((resolve) => setTimeout(resolve, 1))
  return (IMAGES / (performance.now() - start)) * 1000
}

const given = process.argv.slice(2).map(Number)
const workerCounts = given.length > 0 ? given : [1, 2]
console.log(`${cpus()[0]?.model ?? 'unknown CPU'}, ${cpus().length} cores, load ${loadavg()[0]?.toFixed(2)}`)
for (const [name, split] of [
  ['CIFAR (32x32x3 planes)', syntheticSplit(IMAGES, 32, 3, 'planes')],
  ['Fashion-MNIST (28x28 grey)', syntheticSplit(IMAGES, 28, 1, 'pixels')],
] as const) {
  const pipelines = workerCounts.map((decodeWorkers) => ({
    decodeWorkers,
    rates: [] as number[],
    pipeline: new InputPipeline({ dataset: syntheticDataset(split), batch: 128, slots: 16, decodeWorkers, seed: 1 }),
  }))
  // The first pass starts the threads and warms their compiled code.
  for (const { pipeline } of pipelines) await pass(pipeline, 0)
  for (let round = 1; round <= ROUNDS; round++) {
    for (const { pipeline, rates } of pipelines) rates.push(await pass(pipeline, round))
  }
  for (const { decodeWorkers, rates, pipeline } of pipelines) {
    rates.sort((left, right) => left - right)
    const [lowest = 0, middle = 0, highest = 0] = [rates[0], rates[ROUNDS >> 1], rates[ROUNDS - 1]].map((rate) =>
      Math.round(rate ?? 0),
    )
    console.log(`${name}, ${decodeWorkers} workers: ${middle} images/s (${lowest} .. ${highest})`)
    await pipeline.close()
  }
}
