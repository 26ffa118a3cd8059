/** Thread entry of the decode pool: Piscina calls `decodeIntoSlots` with one task at a time. */
import { workerData } from 'node:worker_threads'
import type { DecodeMemory, DecodeReply, DecodeTask } from '../src/data/input/decode-task.ts'
import { createSlotFiller, failure, type SlotFiller } from '../src/data/input/fill-slots.ts'
import { loadAugmentation } from '../src/data/input/own-augmentation.ts'

const memory: DecodeMemory = workerData
const { augmentation, ring, seed, views } = memory
const { height, width, channels } = ring.geometry
const ofOneView = { height, width, channels: channels / views }
let fillSlots: SlotFiller | null = augmentation === null ? createSlotFiller(memory) : null

export function decodeIntoSlots(task: DecodeTask): DecodeReply | Promise<DecodeReply> {
  return fillSlots === null ? loadThenFill(task) : fillSlots(task)
}

async function loadThenFill(task: DecodeTask): Promise<DecodeReply> {
  try {
    const own = augmentation && (await loadAugmentation(augmentation, ofOneView, seed))
    fillSlots = createSlotFiller(memory, own)
  } catch (error) {
    return failure({ slot: task.fills[0]?.slot ?? 0 }, error)
  }
  return await fillSlots(task)
}
