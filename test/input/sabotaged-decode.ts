/**
 * A decode thread that fails once in the middle of an image: while the file named by $SABOTAGE holds a word, the thread that
 * reads it first takes it away and does what it says. `exit always` stays. The rest is the real thread's.
 */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { workerData } from 'node:worker_threads'
import type { DecodeMemory, DecodeReply, DecodeTask } from '../../src/data/input/decode-task.ts'
import { createSlotFiller } from '../../src/data/input/fill-slots.ts'

type Failure = 'throw' | 'throw in the task' | 'exit' | 'exit-0' | 'memory' | 'loop'

const acts: Record<Failure, () => void> = {
  'throw in the task': () => {
    throw new Error('sabotage')
  },
  // Behind the task's back: the thread itself dies.
  throw: () => {
    process.nextTick(() => {
      throw new Error('sabotage')
    })
    throw new Error('the task ends with its thread')
  },
  exit: () => process.exit(3),
  'exit-0': () => process.exit(0),
  memory: () => {
    const kept: string[][] = []
    for (;;) kept.push(Array.from({ length: 10_000 }, (_, place) => `${kept.length} ${place}`))
  },
  loop: () => {
    for (;;) Math.random()
  },
}

const isFailure = (word: string): word is Failure => Object.hasOwn(acts, word)

const order = process.env['SABOTAGE'] ?? ''
const realRead = fs.readSync
let reads = 0

function sabotagedRead(...args: Parameters<typeof realRead>): number {
  reads++
  if (reads % 7 === 3 && fs.existsSync(order)) {
    let word: string
    try {
      word = fs.readFileSync(order, 'utf8')
      if (word === 'exit always') process.exit(3)
      fs.rmSync(order)
    } catch {
      // Another thread took it.
      return realRead(...args)
    }
    if (isFailure(word)) acts[word]()
  }
  return realRead(...args)
}

// Importers of `readSync` see the new one after the call.
Object.assign(fs, { readSync: sabotagedRead })
syncBuiltinESMExports()

const memory: DecodeMemory = workerData
const fillSlots = createSlotFiller(memory)

export function decodeIntoSlots(task: DecodeTask): DecodeReply | Promise<DecodeReply> {
  return fillSlots(task)
}
