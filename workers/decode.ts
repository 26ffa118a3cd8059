/** Thread entry of the decode pool: Piscina calls `decodeIntoSlots` with one task at a time. */
import { workerData } from 'node:worker_threads'
import type { DecodeMemory, DecodeReply, DecodeTask } from '../src/data/input/decode-task.ts'
import { createSlotFiller } from '../src/data/input/fill-slots.ts'

const memory: DecodeMemory = workerData
const fillSlots = createSlotFiller(memory)

export function decodeIntoSlots(task: DecodeTask): DecodeReply | Promise<DecodeReply> {
  return fillSlots(task)
}
