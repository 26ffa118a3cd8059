/**
 * `npm run bench:augment`: images a second of one decode thread's work with each augmentation policy, beside the same work without one:
 * 32 x 32 images in memory, and a 640 x 427 JPEG to 224 x 224. Rounds go through all policies in turn.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { DatasetSplit } from '../src/data/datasets/dataset.ts'
import { createSlotFiller } from '../src/data/input/fill-slots.ts'
import type { PolicyName } from '../src/data/input/policy/augment-policy.ts'
import { createSlotClaims } from '../src/data/input/slot-claims.ts'
import { createSlotRing } from '../src/data/input/slot-ring.ts'
import { NO_NOISE } from '../src/data/input/training-noise.ts'
import { loadAverage } from './machine-facts.ts'
import { packPictures } from './packed-pictures.ts'
import { readCount } from './read-count.ts'
import { tellUsageFault } from './usage-fault.ts'

const POLICIES: readonly PolicyName[] = ['none', 'trivial', 'rand', 'auto-imagenet', 'auto-cifar10']
const BATCH = 64

/** @returns a measurement of `batches` batches, in images a second */
function rateOf(train: DatasetSplit, side: number, augmentPolicy: PolicyName, batches: number) {
  const ring = createSlotRing({ slots: 1, batch: BATCH, height: side, width: side, channels: 3 })
  const noise = { ...NO_NOISE, augmentPolicy, augmentMagnitude: 9, augmentOps: 2 }
  const claims = createSlotClaims(1)
  const fill = createSlotFiller({
    ...{ ring, seed: 1, noise, claims, augmentation: null, views: 1 },
    splits: { train, test: train },
  })
  let epoch = 0
  return async () => {
    const began = performance.now()
    for (let batch = 0; batch < batches; batch++) {
      const fills = [{ slot: 0, batch, first: 0, count: BATCH, claim: 0 }]
      const task = { split: 'train', epoch: epoch++, augment: 'standard', own: false, repeats: 1, order: null } as const
      const reply = await fill({ ...task, fills })
      if (reply.kind === 'failed') throw new Error(reply.message)
    }
    return (batches * BATCH * 1000) / (performance.now() - began)
  }
}

async function measure(title: string, split: DatasetSplit, side: number, batches: number, rounds: number) {
  const candidates = POLICIES.map((policy) => ({ policy, rate: rateOf(split, side, policy, batches), rates: [0] }))
  // The first round warms the compiler and is not counted.
  for (let round = 0; round <= rounds; round++) {
    for (const { rate, rates } of candidates) rates[round] = await rate()
  }
  const plain = candidates[0]?.rates ?? []
  for (const { policy, rates } of candidates) {
    const ratios = rates.slice(1).map((rate, round) => rate / (plain[round + 1] ?? rate))
    const [rate, ratio] = [median(rates.slice(1)), median(ratios)]
    const spread = `${Math.min(...ratios).toFixed(2)} - ${Math.max(...ratios).toFixed(2)}`
    console.log(
      `${title}  ${policy.padEnd(14)} ${Math.round(rate)} images/s  ${ratio.toFixed(2)} of none's (${spread})`,
    )
  }
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other)
  return sorted[sorted.length >> 1] ?? 0
}

/** Pixels of a run of numbers, as CIFAR's files have them. */
function smallImages(): DatasetSplit {
  const images = new SharedArrayBuffer(BATCH * 3072)
  new Uint8Array(images).forEach((_, byte, pixels) => {
    pixels[byte] = (byte * 31) & 0xff
  })
  const labels = new SharedArrayBuffer(4 * BATCH)
  return { storage: 'pixels', order: 'planes', count: BATCH, height: 32, width: 32, channels: 3, images, labels }
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { rounds: { type: 'string', default: '5' } } })
  const rounds = readCount('--rounds', values.rounds, 'npm run bench:augment -- --rounds 5')
  console.log(
    `${cpus()[0]?.model}, ${cpus().length} cores, Node ${process.version}, load ${loadAverage()}, ${rounds} rounds`,
  )
  const folder = mkdtempSync(join(tmpdir(), 'augment-'))
  try {
    const bytes = readFileSync(new URL('../../test/fixtures/crops/large.jpg', import.meta.url))
    const pictures = Array.from({ length: BATCH }, () => ({ bytes, width: 640, height: 427 }))
    await measure('32 x 32  ', smallImages(), 32, 20, rounds)
    await measure('224 x 224', packPictures(pictures, join(folder, 'pictures.shard')), 224, 3, rounds)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

await main().catch(tellUsageFault)
