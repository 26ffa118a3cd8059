/**
 * The input of a run: decode workers fill slots of the ring ahead of the replicas. The main thread only hands out
 * numbers; a free slot is what lets the next batch be decoded, so the ring's size is the back-pressure.
 */
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Worker } from 'node:worker_threads'
import { Piscina } from 'piscina'
import { type SlotIndex, slotIndex } from '../../vocabulary/counts.ts'
import { expected, UserFault } from '../../vocabulary/fault.ts'
import type { DatasetSplit, LoadedDataset } from '../datasets/dataset.ts'
import { partOfBatch, WHOLE_BATCH } from './batch-share.ts'
import type { SlotRing } from './batch-source.ts'
import type { DecodeMemory, DecodeReply, DecodeTask, SlotFill } from './decode-task.ts'
import { writeEpochOrder, writeRepeatedOrder } from './epoch-order.ts'
import type { AugmentationModule } from './own-augmentation.ts'
import type { Pass } from './pass.ts'
import { claimSlot, createSlotClaims, progressOf } from './slot-claims.ts'
import { createSlotRing, SLOT_STATES, type SlotState, setSlotState } from './slot-ring.ts'
import { StallWatch } from './stall-watch.ts'
import { NO_NOISE, type TrainingNoise } from './training-noise.ts'

const entry = new URL(`../../../workers/decode${extname(fileURLToPath(import.meta.url))}`, import.meta.url)

/** A task costs about 40 us of messages: several small batches share one. */
const MOST_SLOTS_PER_TASK = 4

/** How often a task is begun anew where its thread dies, before the input gives up. */
const MOST_RESTARTS = 3

/** A thread that takes this long over one image hangs: a disk that is gone, or a fault of ours. */
const STALL_SECONDS = 60

/** Pixels lie outside of the JavaScript heap: a thread that needs more than this runs away. */
const THREAD_LIMITS = { maxOldGenerationSizeMb: 512 }

export interface PipelineOptions {
  readonly dataset: LoadedDataset
  /** Images of a slot. */
  readonly batch: number
  readonly slots: number
  readonly decodeWorkers: number
  readonly seed: number
  /** Of training images, beside the crop and the flip (default: none). */
  readonly noise?: TrainingNoise
  /** The user's module of passes that say `own`. */
  readonly augmentation?: AugmentationModule | null
  /** The ring where it was made before, for replicas that start earlier; of these slots and batch. */
  readonly ring?: SlotRing
  /** Seconds over one image after which a thread counts as hanging, and is replaced (default 60). */
  readonly stallSeconds?: number
  /** The threads' entry, for tests of threads that fail. */
  readonly entry?: URL
}

export interface AssignedSlot {
  readonly slot: SlotIndex
  /** Index of the batch in the pass. */
  readonly batch: number
  /** Images in it; rows after them are padding. */
  readonly count: number
}

interface OpenPass {
  readonly options: Pass
  readonly order: OrderBuffer | null
  readonly images: number
  readonly batches: number
  nextBatch: number
}

/** The order of a pass in shared memory; used again when no task of its pass runs any more. */
interface OrderBuffer {
  readonly shared: SharedArrayBuffer
  tasks: number
}

/** A slot to fill, before a thread is given the claim on it. */
type PlannedFill = Omit<SlotFill, 'claim'>

interface RunningTask {
  readonly pass: OpenPass
  readonly fills: readonly PlannedFill[]
}

export class InputPipeline {
  readonly ring: SlotRing
  readonly #options: PipelineOptions
  readonly #states: Int32Array
  readonly #claims: Int32Array
  readonly #stalls: StallWatch
  readonly #pool: Piscina<DecodeTask, DecodeReply>
  readonly #slotsPerTask: number
  readonly #orders: OrderBuffer[] = []
  readonly #running = new Set<RunningTask>()
  /** Task that fills, or has filled, a slot; null = the slot is free. */
  readonly #owners: (RunningTask | null)[]
  readonly #free: number[]
  /** Assigned and not yet taken by `next`, in the order of the pass. */
  #ahead: AssignedSlot[] = []
  readonly #held = new Set<number>()
  /** Given back while a task still writes to them: free as soon as it ends. */
  readonly #abandoned = new Set<number>()
  #pass: OpenPass | null = null
  #waiting: { resolve: (slot: AssignedSlot | null) => void; reject: (fault: Error) => void } | null = null
  #failure: Error | null = null
  #threadFault: Error | null = null
  #closed = false

  /** @throws RangeError for a size that is not a whole number from 1 */
  constructor(options: PipelineOptions) {
    const { dataset, batch, slots, decodeWorkers, seed } = options
    if (!Number.isSafeInteger(decodeWorkers) || decodeWorkers < 1) {
      throw new RangeError(`Expected a whole number from 1 for decode workers but received ${decodeWorkers}`)
    }
    const { height, width, channels } = dataset.description
    this.#options = options
    this.ring = options.ring ?? createSlotRing({ slots, batch, height, width, channels })
    this.#states = new Int32Array(this.ring.states)
    const claims = createSlotClaims(slots)
    this.#claims = new Int32Array(claims)
    this.#stalls = new StallWatch(options.stallSeconds ?? STALL_SECONDS)
    this.#owners = Array.from({ length: slots }, () => null)
    this.#free = Array.from({ length: slots }, (_, slot) => slot)
    this.#slotsPerTask = Math.max(1, Math.min(MOST_SLOTS_PER_TASK, Math.floor(slots / (2 * decodeWorkers))))
    const splits = { train: dataset.train, test: dataset.test }
    const memory: DecodeMemory = {
      ring: this.ring,
      splits,
      seed,
      claims,
      noise: options.noise ?? NO_NOISE,
      augmentation: options.augmentation ?? null,
      views: this.ring.geometry.channels / channels,
    }
    this.#pool = new Piscina({
      filename: fileURLToPath(options.entry ?? entry),
      name: 'decodeIntoSlots',
      workerData: memory,
      minThreads: decodeWorkers,
      maxThreads: decodeWorkers,
      idleTimeout: Number.POSITIVE_INFINITY,
      resourceLimits: THREAD_LIMITS,
    })
    // A thread that dies without a task has no promise to reject; the pool replaces it, once it has run at all.
    this.#pool.on('error', (fault: Error) => {
      this.#threadFault = fault
    })
    this.#pool.on('workerDestroy', () => setImmediate(() => this.#failIfNoThreads()))
  }

  /** Batches of a pass over all of a split. */
  static batches(split: DatasetSplit, batch: number, partial: Pass['partial']): number {
    return partial === 'drop' ? Math.floor(split.count / batch) : Math.ceil(split.count / batch)
  }

  /** Why the input has stopped; null while it works. Set before any slot is seen as failed. */
  get failure(): Error | null {
    return this.#failure
  }

  /** The decode threads now alive, for diagnosis. */
  get threads(): readonly Worker[] {
    return this.#pool.threads
  }

  /**
   * Begins to fill free slots for this pass; what an earlier pass had still ahead is dropped, a batch of it that is
   * awaited becomes null. Slots that were taken stay taken until released.
   * @throws UserFault where a dropped partial batch leaves no batch at all
   */
  open(pass: Pass): void {
    if (this.#closed) throw new Error('Expected an open input pipeline but received one that was closed')
    const { dataset, seed } = this.#options
    const images = dataset[pass.split].count
    const batch = this.#options.batch * (pass.share ?? WHOLE_BATCH).hosts
    const batches = InputPipeline.batches(dataset[pass.split], batch, pass.partial)
    if (batches === 0) {
      const more =
        images === 0
          ? 'pack test images (prepare --validation, or val/), or take --split train'
          : 'use a smaller --batch, or more images'
      const wanted = `at least ${batch} images (one batch)`
      throw expected(wanted, `${pass.split} of ${dataset.description.name}`, images, more)
    }
    if (!Number.isSafeInteger(pass.firstBatch) || pass.firstBatch < 0 || pass.firstBatch > batches) {
      throw new RangeError(`Expected 0 .. ${batches} for the first batch but received ${pass.firstBatch}`)
    }
    for (const { slot } of this.#ahead) this.#giveBack(slot)
    this.#ahead = []
    this.#waiting?.resolve(null)
    this.#waiting = null
    let order: OrderBuffer | null = null
    if (pass.shuffle === 'epoch') {
      order = this.#takeOrderBuffer(images)
      const places = new Int32Array(order.shared)
      const { epoch, repeats = 1 } = pass
      if (repeats === 1) writeEpochOrder(places, seed, epoch)
      else writeRepeatedOrder(places, seed, epoch, repeats, batch)
    }
    this.#pass = { options: pass, order, images, batches, nextBatch: pass.firstBatch }
    this.#fill()
  }

  /**
   * The pass's next batch, in order; resolves when a slot is assigned to it, which may still be filling. null at the
   * end of the pass, and after `close`.
   * @throws the failure of a decode task
   */
  next(): Promise<AssignedSlot | null> {
    if (this.#waiting) return Promise.reject(new Error('Expected one call of next() at a time but received a second'))
    if (this.#failure) return Promise.reject(this.#failure)
    const assigned = this.#take()
    if (assigned || this.#closed || !this.#pass || this.#pass.nextBatch >= this.#pass.batches) {
      return Promise.resolve(assigned)
    }
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
    })
  }

  /** Every replica is done with the slot: it may be filled again. */
  release(slot: SlotIndex): void {
    if (!this.#held.delete(slot)) throw new RangeError(`Expected a slot in use for release but received ${slot}`)
    this.#giveBack(slot)
    this.#fill()
  }

  /** Ends the pass and the threads, at any time; replicas that wait for a slot see it as failed. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#failFillingSlots()
    this.#waiting?.resolve(null)
    this.#waiting = null
    this.#stalls.close()
    await this.#pool.destroy()
  }

  #take(): AssignedSlot | null {
    const assigned = this.#ahead.shift()
    if (!assigned) return null
    this.#held.add(assigned.slot)
    this.#fill()
    return assigned
  }

  #fill(): void {
    const pass = this.#pass
    if (!pass || this.#closed || this.#failure) return
    const { batch } = this.#options
    while (this.#free.length > 0 && pass.nextBatch < pass.batches) {
      // A whole task's worth lies ahead: wait until as many slots are free, so that the next task is not smaller.
      if (this.#free.length < this.#slotsPerTask && this.#ahead.length >= this.#slotsPerTask) break
      const fills: PlannedFill[] = []
      for (const slot of this.#free.splice(0, Math.min(this.#slotsPerTask, pass.batches - pass.nextBatch))) {
        const { first, count } = partOfBatch(pass.nextBatch, batch, pass.options.share ?? WHOLE_BATCH, pass.images)
        fills.push({ slot, batch: pass.nextBatch, first, count })
        this.#ahead.push({ slot: slotIndex(slot), batch: pass.nextBatch, count })
        pass.nextBatch++
      }
      this.#start({ pass, fills })
    }
    this.#answerWaiting()
  }

  #answerWaiting(): void {
    const waiting = this.#waiting
    const assigned = waiting && this.#ahead.shift()
    if (!waiting || !assigned) return
    this.#waiting = null
    this.#held.add(assigned.slot)
    waiting.resolve(assigned)
  }

  #start(task: RunningTask): void {
    if (task.pass.order) task.pass.order.tasks++
    this.#running.add(task)
    for (const { slot } of task.fills) {
      this.#owners[slot] = task
      this.#setState(slot, SLOT_STATES.filling)
    }
    void this.#run(task)
  }

  async #run(task: RunningTask): Promise<void> {
    let reply: DecodeReply | null = null
    for (let restarts = 0; reply === null; restarts++) {
      try {
        const answer = await this.#post(task)
        // A fault of an image is the user's and stays; any other may have been the thread's.
        if (answer.kind === 'filled' || answer.remedy !== null || restarts === MOST_RESTARTS) reply = answer
      } catch (death) {
        // Its thread died. The bytes depend on (seed, epoch, sample) alone, so another thread writes the same.
        if (this.#closed) reply = { kind: 'filled' }
        else if (restarts === MOST_RESTARTS) {
          const place = this.#placeOf(task)
          this.#end(task)
          this.#fail(new Error(`A decode thread died ${restarts + 1} times on ${place}`, { cause: death }))
          return
        }
      }
    }
    this.#end(task)
    if (reply.kind === 'failed') this.#fail(faultOf(reply))
    this.#fill()
  }

  /** Sends what the task has not filled yet: slots that are ready may be in use, or be filled by a later task. */
  async #post(task: RunningTask): Promise<DecodeReply> {
    const fills = this.#unfilled(task).map((fill) => ({ ...fill, claim: claimSlot(this.#claims, fill.slot) }))
    const { split, epoch, augment, own = false, repeats = 1 } = task.pass.options
    const order = task.pass.order?.shared ?? null
    const progress = () => fills.reduce((sum, { slot }) => sum + progressOf(this.#claims, slot), 0)
    return await this.#stalls.watch(progress, (signal) =>
      this.#pool.run({ split, epoch, augment, own, repeats, order, fills }, { signal }),
    )
  }

  #unfilled({ fills }: RunningTask): readonly PlannedFill[] {
    return fills.filter(({ slot }) => this.#owners[slot]?.fills === fills && this.#state(slot) === SLOT_STATES.filling)
  }

  /** The image at which a task's thread was, in words. */
  #placeOf(task: RunningTask): string {
    const { split } = task.pass.options
    const at = this.#unfilled(task).find(({ slot }) => progressOf(this.#claims, slot) > 0)
    if (at === undefined) return `the same batch of the split ${split}`
    const place = at.first + progressOf(this.#claims, at.slot) - 1
    const sample =
      task.pass.order === null ? place : (new Int32Array(task.pass.order.shared)[place] ?? 0) % task.pass.images
    return `image ${sample} of the split ${split}`
  }

  #end(task: RunningTask): void {
    this.#running.delete(task)
    if (task.pass.order) task.pass.order.tasks--
    for (const { slot } of task.fills) {
      if (this.#owners[slot] === task && this.#abandoned.delete(slot)) this.#makeFree(slot)
    }
  }

  #giveBack(slot: number): void {
    const owner = this.#owners[slot]
    if (owner && this.#running.has(owner) && this.#state(slot) === SLOT_STATES.filling) this.#abandoned.add(slot)
    else this.#makeFree(slot)
  }

  #makeFree(slot: number): void {
    this.#owners[slot] = null
    this.#setState(slot, SLOT_STATES.free)
    this.#free.push(slot)
  }

  #fail(failure: Error): void {
    if (this.#closed || this.#failure) return
    this.#failure = failure
    this.#failFillingSlots()
    this.#waiting?.reject(failure)
    this.#waiting = null
  }

  #failFillingSlots(): void {
    for (let slot = 0; slot < this.#states.length; slot++) {
      if (this.#state(slot) === SLOT_STATES.filling) this.#setState(slot, SLOT_STATES.failed)
    }
  }

  /** Piscina starts no thread in place of one that died before its first task: tasks would then wait for ever. */
  #failIfNoThreads(): void {
    if (this.#running.size > 0 && this.#pool.threads.length === 0) {
      this.#fail(new Error('The decode threads died while starting', { cause: this.#threadFault }))
    }
  }

  #takeOrderBuffer(images: number): OrderBuffer {
    const bytes = images * Int32Array.BYTES_PER_ELEMENT
    const inUse = this.#pass?.order
    let order = this.#orders.find((one) => one.tasks === 0 && one !== inUse && one.shared.byteLength === bytes)
    if (!order) {
      order = { shared: new SharedArrayBuffer(bytes), tasks: 0 }
      this.#orders.push(order)
    }
    return order
  }

  #state(slot: number): number {
    return Atomics.load(this.#states, slot)
  }

  #setState(slot: number, state: SlotState): void {
    setSlotState(this.#states, slot, state)
  }
}

function faultOf({ message, remedy, stack }: Extract<DecodeReply, { kind: 'failed' }>): Error {
  if (remedy !== null) return new UserFault(message, remedy)
  return new Error(`Decoding failed: ${message}`, { cause: Object.assign(new Error(message), { stack }) })
}
