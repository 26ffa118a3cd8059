/** The work of a decode thread: takes images from the split in shared memory to slots of the ring. */
import type { DatasetSplit, SplitName } from '../datasets/dataset.ts'
import { CENTRED, randomPlacement, type SplitView, viewSplit, writeImage } from './augmentation.ts'
import type { DecodeMemory, DecodeReply, DecodeTask, SlotFill } from './decode-task.ts'
import { SLOT_STATES, setSlotState, slotLabels, slotPixels } from './slot-ring.ts'

/** A function that does decode tasks on this memory; every view is made here, once for a thread. */
export function createSlotFiller(memory: DecodeMemory): (task: DecodeTask) => DecodeReply {
  const { ring, seed } = memory
  const { batch, slots, height, width, channels } = ring.geometry
  const imageBytes = height * width * channels
  const states = new Int32Array(ring.states)
  const pixels = Array.from({ length: slots }, (_, slot) => slotPixels(ring, slot))
  const labels = Array.from({ length: slots }, (_, slot) => slotLabels(ring, slot))
  const splits: Record<SplitName, SplitView> = {
    train: viewPixels(memory.splits.train),
    test: viewPixels(memory.splits.test),
  }

  function fill(task: DecodeTask, order: Int32Array | null, { slot, first, count }: SlotFill): void {
    const source = splits[task.split]
    checkSplit(source, channels)
    const slotImages = pixels[slot]
    const slotClasses = labels[slot]
    if (!slotImages || !slotClasses || count > batch) throw new RangeError(`slot ${slot} with ${count} images`)
    for (let row = 0; row < count; row++) {
      const sample = order ? order[first + row] : first + row
      if (sample === undefined || sample >= source.split.count) {
        throw new RangeError(`Expected 0 .. ${source.split.count - 1} for a sample but received ${sample}`)
      }
      const placement = task.augment === 'standard' ? randomPlacement(seed, task.epoch, sample) : CENTRED
      writeImage(slotImages, row * imageBytes, ring.geometry, source, sample, placement)
      slotClasses[row] = source.labels[sample] ?? -1
    }
    slotImages.fill(0, count * imageBytes)
    slotClasses.fill(-1, count)
  }

  return (task) => {
    const order = task.order && new Int32Array(task.order)
    for (const one of task.fills) {
      try {
        fill(task, order, one)
      } catch (fault) {
        const error = fault instanceof Error ? fault : new Error(String(fault))
        return { kind: 'failed', slot: one.slot, message: error.message, stack: error.stack ?? '' }
      }
      setSlotState(states, one.slot, SLOT_STATES.ready)
    }
    return { kind: 'filled' }
  }
}

function viewPixels(split: DatasetSplit): SplitView {
  if (split.storage === 'encoded') throw new Error('Expected decoded pixels but received encoded images')
  return viewSplit(split)
}

/** The loops of writeImage read without bounds checks of their own, so the memory must be as large as the split says. */
function checkSplit({ split, pixels, labels }: SplitView, channels: number): void {
  const bytes = split.count * split.channels * split.height * split.width
  if (pixels.length !== bytes || labels.length !== split.count) {
    throw new RangeError(`Expected ${bytes} bytes for ${split.count} images but received ${pixels.length}`)
  }
  if (split.channels !== 1 && split.channels !== channels) {
    throw new RangeError(`Expected 1 or ${channels} channels for an image but received ${split.channels}`)
  }
}
