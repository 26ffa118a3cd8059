/** The work of a decode thread: takes images from a split to slots of the ring. */

import { UserFault } from '../../vocabulary/fault.ts'
import type { SplitName } from '../datasets/dataset.ts'
import { drawOf } from './augmentation.ts'
import type { DecodeMemory, DecodeReply, DecodeTask, SlotFill } from './decode-task.ts'
import { createImageWriter, type ImageWriter } from './image-writers.ts'
import { drawMixing, mixImages } from './mixing.ts'
import type { ApplyOwn } from './own-augmentation.ts'
import { isCurrent, noteProgress } from './slot-claims.ts'
import { SLOT_STATES, setSlotState, slotLabels, slotPixels } from './slot-ring.ts'
import { createNoise } from './training-noise.ts'

/** Its answer is a promise only where a task meets an image whose decoder is asynchronous. */
export type SlotFiller = (task: DecodeTask) => DecodeReply | Promise<DecodeReply>

/** A function that does decode tasks on this memory; every view is made here, once for a thread. */
/** @param applyOwn the augmentation of the memory where it has one */
export function createSlotFiller(memory: DecodeMemory, applyOwn: ApplyOwn | null = null): SlotFiller {
  const { ring, seed, noise, views } = memory
  const { batch, slots, height, width, channels } = ring.geometry
  const imageBytes = height * width * channels
  const states = new Int32Array(ring.states)
  const claims = new Int32Array(memory.claims)
  const pixels = Array.from({ length: slots }, (_, slot) => slotPixels(ring, slot))
  const labels = Array.from({ length: slots }, (_, slot) => slotLabels(ring, slot))
  const size = { height, width, channels: channels / views }
  const addNoise = createNoise(noise, size, seed)
  const writers: Record<SplitName, ImageWriter> = {
    train: createImageWriter(memory.splits.train, size, seed),
    test: createImageWriter(memory.splits.test, size, seed),
  }

  /** Writes one view of a sample, of `size`. @returns a promise where its decoder is asynchronous */
  function draw(target: Uint8Array, offset: number, task: DecodeTask, sample: number, view: number) {
    const { epoch, augment, own } = task
    const source = writers[task.split]
    const finish = () => {
      if (augment === 'standard' || own) addNoise?.(target, offset, epoch, drawOf(sample, view))
      if (own) applyOwn?.(target, offset, epoch, sample, source.labels[sample] ?? -1, view)
    }
    const pending = source.write(target, offset, sample, { epoch, augment, view })?.then(finish) ?? null
    if (pending === null) finish()
    return pending
  }

  /** Writes all views of a sample into each other, from the number `first` on. */
  function drawViews(target: Uint8Array, offset: number, task: DecodeTask, sample: number, first: number) {
    const pending: Promise<void>[] = []
    for (let view = 0; view < views; view++) {
      const image = new Uint8Array(imageBytes / views)
      const weave = () => weaveChannels(image, size.channels, target, offset + view * size.channels, channels)
      const written = draw(image, 0, task, sample, first + view)?.then(weave) ?? null
      if (written === null) weave()
      else pending.push(written)
    }
    return pending.length === 0 ? null : Promise.all(pending).then(() => undefined)
  }

  /** @returns what is still to be waited for: images whose decoder is asynchronous */
  function fill(task: DecodeTask, order: Int32Array | null, one: SlotFill): Promise<void>[] {
    const { slot, first, count } = one
    const source = writers[task.split]
    const slotImages = pixels[slot]
    const slotClasses = labels[slot]
    if (!slotImages || !slotClasses || count > batch) throw new RangeError(`slot ${slot} with ${count} images`)
    const pending: Promise<void>[] = []
    for (let row = 0; row < count; row++) {
      // A thread that was given up may wake again while another fills the slot, or has filled it.
      if (!isCurrent(claims, one)) return pending
      noteProgress(claims, slot)
      const images = source.labels.length
      const place = order ? order[first + row] : first + row
      if (place === undefined || place >= images * task.repeats) {
        throw new RangeError(`Expected 0 .. ${images * task.repeats - 1} for a sample but received ${place}`)
      }
      const sample = place % images
      const view = Math.floor(place / images) * views
      const offset = row * imageBytes
      const written =
        views === 1 ? draw(slotImages, offset, task, sample, view) : drawViews(slotImages, offset, task, sample, view)
      if (written) {
        // Looked at when the whole slot is waited for: until then its failure is not one that nobody handles.
        written.catch(() => undefined)
        pending.push(written)
      }
      slotClasses[row] = source.labels[sample] ?? -1
    }
    slotImages.fill(0, count * imageBytes)
    slotClasses.fill(-1, count)
    return pending
  }

  function makeReady(task: DecodeTask, one: SlotFill): void {
    const mixing =
      task.augment === 'standard' || task.own ? drawMixing(noise, ring.geometry, seed, task.epoch, one.batch) : null
    const images = pixels[one.slot]?.subarray(0, one.count * imageBytes)
    if (mixing !== null && images !== undefined) mixImages(images, ring.geometry, mixing, () => isCurrent(claims, one))
    if (isCurrent(claims, one)) setSlotState(states, one.slot, SLOT_STATES.ready)
  }

  function fillFrom(task: DecodeTask, order: Int32Array | null, begin: number): DecodeReply | Promise<DecodeReply> {
    for (const [place, one] of task.fills.entries()) {
      if (place < begin) continue
      try {
        const pending = fill(task, order, one)
        if (pending.length > 0) {
          const rest = () => {
            makeReady(task, one)
            return fillFrom(task, order, place + 1)
          }
          return Promise.all(pending).then(rest, (fault: unknown) => failure(one, fault))
        }
      } catch (fault) {
        return failure(one, fault)
      }
      makeReady(task, one)
    }
    return { kind: 'filled' }
  }

  return (task) => fillFrom(task, task.order && new Int32Array(task.order), 0)
}

/** Copies the channels of each pixel of an image into pixels of more channels, from `offset` on. */
function weaveChannels(image: Uint8Array, channels: number, target: Uint8Array, offset: number, step: number): void {
  for (let from = 0, to = offset; from < image.length; from += channels, to += step) {
    for (let channel = 0; channel < channels; channel++) target[to + channel] = image[from + channel] ?? 0
  }
}

/** What became of a slot's task that failed. */
export function failure({ slot }: Pick<SlotFill, 'slot'>, fault: unknown): DecodeReply {
  const error = fault instanceof Error ? fault : new Error(String(fault))
  const remedy = error instanceof UserFault ? error.remedy : null
  return { kind: 'failed', slot, message: error.message, remedy, stack: error.stack ?? '' }
}
