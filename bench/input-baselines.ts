/** What `npm run bench:input` compares: our pool in this process, other loaders each in its own. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { LoadedDataset } from '../src/data/datasets/dataset.ts'
import type { DecodeMemory, DecodeTask } from '../src/data/input/decode-task.ts'
import { createSlotFiller } from '../src/data/input/fill-slots.ts'
import type { Pass } from '../src/data/input/pass.ts'
import { InputPipeline } from '../src/data/input/pipeline.ts'
import { createSlotClaims } from '../src/data/input/slot-claims.ts'
import { createSlotRing, SLOT_STATES } from '../src/data/input/slot-ring.ts'
import { NO_NOISE } from '../src/data/input/training-noise.ts'
import { slotIndex } from '../src/vocabulary/counts.ts'
import { BaselineProcess } from './baselines/baseline-process.ts'

/** Crops of all candidates come from this seed and epoch 0. */
export const SEED = 1
/** Divides each set into an even number of batches: two workers can end together. */
const BATCH = 30

/** Images a second of one measurement. */
export interface Candidate {
  readonly name: string
  rate(set: string, workers: number): Promise<number>
  close(): Promise<void>
}

/** Our pipeline with its threads and ring, nothing else consuming: the decode workers' own rate. */
export function ownPool(datasets: ReadonlyMap<string, LoadedDataset>): Candidate {
  const pipelines = new Map<string, InputPipeline>()
  return {
    name: 'own pool',
    async rate(set, workers) {
      const dataset = datasets.get(set)
      if (dataset === undefined) throw new RangeError(`no pictures of ${set}`)
      const key = `${set} ${workers}`
      const known = pipelines.get(key)
      const slots = 2 + 2 * workers
      const pipeline = known ?? new InputPipeline({ dataset, batch: BATCH, slots, decodeWorkers: workers, seed: SEED })
      pipelines.set(key, pipeline)
      if (known === undefined) await runPass(pipeline)
      return (dataset.train.count / (await runPass(pipeline))) * 1000
    },
    async close() {
      for (const pipeline of pipelines.values()) await pipeline.close()
    },
  }
}

const PASS: Pass = {
  split: 'train',
  epoch: 0,
  augment: 'standard',
  shuffle: 'none',
  firstBatch: 0,
  partial: 'pad',
}

/** Milliseconds of one pass over the training split. */
export async function runPass(pipeline: InputPipeline): Promise<number> {
  const states = new Int32Array(pipeline.ring.states)
  const began = performance.now()
  pipeline.open(PASS)
  // A slot given back before it is filled is free again as soon as it is.
  for (let slot = await pipeline.next(); slot !== null; slot = await pipeline.next()) pipeline.release(slot.slot)
  while (states.includes(SLOT_STATES.filling)) {
    if (pipeline.failure !== null) throw pipeline.failure
    await new Promise((resolve) => setTimeout(resolve, 0))
  }
  return performance.now() - began
}

/** CIFAR's augmentation in this thread, as a decode worker does it: 51,200 images. */
export function ownCifar(): Candidate {
  const count = 51_200
  const batch = 128
  const images = new SharedArrayBuffer(count * 3072)
  const pixels = new Uint8Array(images)
  for (let byte = 0; byte < pixels.length; byte++) pixels[byte] = (byte * 31) & 0xff
  const sizes = { count, height: 32, width: 32, channels: 3 } as const
  const split = {
    storage: 'pixels',
    ...sizes,
    order: 'planes',
    images,
    labels: new SharedArrayBuffer(4 * count),
  } as const
  const ring = createSlotRing({ slots: 1, batch, height: 32, width: 32, channels: 3 })
  const memory: DecodeMemory = {
    ring,
    splits: { train: split, test: split },
    seed: SEED,
    claims: createSlotClaims(1),
    noise: NO_NOISE,
    augmentation: null,
    views: 1,
  }
  const fill = createSlotFiller(memory)
  let epoch = 0
  return {
    name: 'own cifar',
    async rate() {
      epoch++
      const began = performance.now()
      for (let first = 0; first < count; first += batch) {
        const fills = [{ slot: slotIndex(0), batch: 0, first, count: batch, claim: 0 }]
        const task: DecodeTask = {
          split: 'train',
          epoch,
          augment: 'standard',
          own: false,
          repeats: 1,
          order: null,
          fills,
        }
        const reply = fill(task)
        if (reply instanceof Promise || reply.kind !== 'filled')
          throw new Error('Expected pixels to be written at once')
      }
      return (count / (performance.now() - began)) * 1000
    },
    async close() {},
  }
}

/** Python interpreters with the baselines' packages. */
export interface InputPythons {
  /** torch, pillow, numpy, simplejpeg and opencv-python-headless. */
  readonly python: string | null
  /** pillow-simd and numpy. */
  readonly pillowSimd: string | null
}

/** glibc gives large blocks back to the system after each image unless told otherwise; no loader sets this by itself. */
const TUNED_MALLOC = { MALLOC_MMAP_THRESHOLD_: '1073741824', MALLOC_TRIM_THRESHOLD_: '1073741824' }

const PEER = fileURLToPath(new URL('../../bench/baselines/input_baseline.py', import.meta.url))

/** Starts the baselines' processes and asks each what it can do. */
export async function startBaselines(
  { python, pillowSimd }: InputPythons,
  pictures: string,
  crops: string,
): Promise<{ readonly candidates: Candidate[]; readonly versions: Readonly<Record<string, string>> }> {
  const candidates: Candidate[] = []
  const versions: Record<string, string> = {}
  const wanted = [
    { command: python, suffix: '', env: {}, only: null },
    { command: python, suffix: ', tuned malloc', env: TUNED_MALLOC, only: ['dataloader-float', 'dataloader-uint8'] },
    { command: pillowSimd, suffix: '-simd', env: TUNED_MALLOC, only: ['pillow'] },
  ]
  for (const { command, suffix, env, only } of wanted) {
    if (command === null) continue
    if (!existsSync(command)) throw new Error(`${command} does not exist`)
    const process = new BaselineProcess([command, PEER, pictures, crops], env)
    const offered = await process.modes()
    if (only === null) Object.assign(versions, offered.versions)
    else if (suffix === '-simd') versions['pillow-simd'] = offered.versions['pillow'] ?? 'unknown'
    const modes = offered.modes.filter((mode) => only === null || only.includes(mode))
    for (const [place, mode] of modes.entries()) {
      candidates.push({
        name: `${mode}${suffix}`,
        async rate(set, workers) {
          const { images, seconds } = await process.rate(mode, set, workers)
          return images / seconds
        },
        close: async () => (place === 0 ? await process.stop() : undefined),
      })
    }
  }
  return { candidates, versions }
}
