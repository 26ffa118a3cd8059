/** How fast packed images are read, decoded and augmented here: a storage and a pool of decode threads by themselves. */
import { totalmem } from 'node:os'
import { setTimeout } from 'node:timers/promises'
import type { EncodedSplit, LoadedDataset } from '../data/datasets/dataset.ts'
import { type AssignedSlot, InputPipeline } from '../data/input/pipeline.ts'
import { planRing } from '../data/input/ring-plan.ts'
import { SLOT_STATES } from '../data/input/slot-ring.ts'
import { type Spread, spreadOf } from './spread.ts'

const SEED = 1
/** Slots that a training run's replicas hold: one runs, one waits. */
const SLOTS_IN_HAND = 2
/** Milliseconds between two looks at a slot that is being filled. The main thread must not block, nor take a core. */
const LOOK_EVERY = 1

export interface InputBenchmarkOptions {
  /** Numbers of decode threads to measure. */
  readonly threads: readonly number[]
  /** Images of a batch. */
  readonly batch: number
  /** Each goes through all numbers of threads in turn, so that a slow minute of the machine hits all alike. */
  readonly rounds: number
  /** Of each measurement, once the ring has been filled. */
  readonly seconds: number
  /** Images a second that a training step would take; null = as fast as they come. */
  readonly consume: number | null
  /** Ends the measurement within a batch. */
  readonly stop: AbortSignal
  readonly onRound?: (done: number) => void
}

export interface InputFigures {
  readonly threads: number
  readonly images_per_second: Spread
  /** Encoded bytes that were read for them, MB/s of the median. */
  readonly read_mb_per_second: number
  /**
   * Median part of the decode threads' time in which they did not compute: they waited for storage, for a core, or, with
   * `consume`, for a free slot.
   */
  readonly threads_waiting: number
  /** Median part of its time for which a step of `consume` images/s waits for images; null without it. */
  readonly step_waiting: number | null
}

/** What `native-ensemble bench input --json` prints. */
export interface InputBenchmark {
  readonly images: number
  /** Of the encoded training images. */
  readonly bytes: number
  /** Of this machine: images that fit are read from memory after the first pass. */
  readonly memory_bytes: number
  readonly batch: number
  readonly input: { readonly height: number; readonly width: number }
  readonly consume: number | null
  readonly rounds: number
  readonly figures: readonly InputFigures[]
}

interface Measured {
  readonly rate: number
  readonly threadsWaiting: number
  readonly stepWaiting: number
}

/**
 * Reads training images in the order and with the standard augmentation of a run, on threads of their own, for nobody or
 * for a step of a given speed. Writes nothing.
 * @throws UserFault for an image that cannot be decoded, and for fewer images than a batch
 */
export async function benchInput(
  dataset: LoadedDataset<EncodedSplit>,
  options: InputBenchmarkOptions,
): Promise<InputBenchmark | 'interrupted'> {
  const { threads, batch, rounds, consume, stop, onRound } = options
  const measured = new Map(threads.map((count): [number, Measured[]] => [count, []]))
  let epoch = 0
  const nextEpoch = () => epoch++
  for (let round = 1; round <= rounds; round++) {
    for (const [count, list] of measured) {
      const result = await measure(dataset, count, options, nextEpoch)
      if (stop.aborted) return 'interrupted'
      list.push(result)
    }
    onRound?.(round)
  }
  const { height, width } = dataset.description
  const bytes = new Uint32Array(dataset.train.index.length).reduce((sum, length) => sum + length, 0)
  const meanMegabytes = bytes / dataset.train.count / 1e6
  const median = (list: readonly Measured[], pick: (one: Measured) => number) => spreadOf(list.map(pick)).median
  return {
    ...{
      images: dataset.train.count,
      bytes,
      memory_bytes: totalmem(),
      batch,
      input: { height, width },
      consume,
      rounds,
    },
    figures: [...measured].map(([count, list]) => {
      const rates = spreadOf(list.map(({ rate }) => rate))
      return {
        threads: count,
        images_per_second: rates,
        read_mb_per_second: rates.median * meanMegabytes,
        threads_waiting: median(list, ({ threadsWaiting }) => threadsWaiting),
        step_waiting: consume === null ? null : median(list, ({ stepWaiting }) => stepWaiting),
      }
    }),
  }
}

/** A pool of its own, warmed up by a ring full of batches. */
async function measure(
  dataset: LoadedDataset<EncodedSplit>,
  threads: number,
  { batch, seconds, consume, stop }: InputBenchmarkOptions,
  nextEpoch: () => number,
): Promise<Measured> {
  const { height, width, channels } = dataset.description
  const memory = Math.min(totalmem(), process.constrainedMemory() || Number.POSITIVE_INFINITY)
  const { slots } = planRing({ batch, height, width, channels, inHand: SLOTS_IN_HAND, decodeWorkers: threads, memory })
  const pipeline = new InputPipeline({ dataset, batch, slots, decodeWorkers: threads, seed: SEED })
  const states = new Int32Array(pipeline.ring.states)
  const next = async (): Promise<AssignedSlot> => {
    for (;;) {
      const assigned = await pipeline.next()
      if (assigned !== null) return assigned
      pipeline.open({ ...PASS, epoch: nextEpoch() })
    }
  }
  /** @returns whether the slot was ready when it was first looked at */
  const ready = async ({ slot }: AssignedSlot): Promise<boolean> => {
    for (let looks = 0; ; looks++) {
      if (pipeline.failure !== null) throw pipeline.failure
      if (Atomics.load(states, slot) === SLOT_STATES.ready || stop.aborted) return looks === 0
      await setTimeout(LOOK_EVERY)
    }
  }
  try {
    pipeline.open({ ...PASS, epoch: nextEpoch() })
    for (let warm = 0; warm < slots && !stop.aborted; warm++) {
      const assigned = await next()
      await ready(assigned)
      pipeline.release(assigned.slot)
    }
    const began = performance.now()
    const processor = process.cpuUsage()
    /** When the step that takes the images asks for the next batch; a timer that is late does not count as a wait. */
    let asks = began
    let waited = 0
    let images = 0
    while (performance.now() - began < 1000 * seconds && !stop.aborted) {
      const assigned = await next()
      if (!(await ready(assigned))) {
        waited += Math.max(0, performance.now() - asks)
        asks = performance.now()
      }
      if (consume !== null) {
        asks += (1000 * batch) / consume
        await pause(asks - performance.now(), stop)
      }
      images += assigned.count
      pipeline.release(assigned.slot)
    }
    const wall = performance.now() - began
    const { user, system } = process.cpuUsage(processor)
    const computed = (user + system) / 1000
    return {
      rate: (1000 * images) / wall,
      threadsWaiting: Math.max(0, 1 - computed / (wall * threads)),
      stepWaiting: waited / wall,
    }
  } finally {
    await pipeline.close()
  }
}

const PASS = { split: 'train', augment: 'standard', shuffle: 'epoch', firstBatch: 0, partial: 'drop' } as const

/** Shorter where the measurement is stopped. */
async function pause(milliseconds: number, stop: AbortSignal): Promise<void> {
  if (milliseconds > 0) await setTimeout(milliseconds, undefined, { signal: stop }).catch(() => undefined)
}
