import { once } from 'node:events'
import { extname } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import {
  createSlotRing,
  SLOT_STATES,
  setSlotState,
  slotLabels,
  slotPixels,
  waitUntilReady,
} from '../../src/data/input/slot-ring.ts'
import { slotIndex } from '../../src/vocabulary/counts.ts'

const GEOMETRY = { slots: 3, batch: 2, height: 4, width: 5, channels: 3 }

t.test('slots lie side by side', (t) => {
  const ring = createSlotRing(GEOMETRY)
  for (let slot = 0; slot < 3; slot++) {
    slotPixels(ring, slot).fill(slot + 1)
    slotLabels(ring, slot).fill(slot + 10)
  }
  t.same(
    [...new Uint8Array(ring.pixels)],
    [1, 2, 3].flatMap((value) => Array<number>(120).fill(value)),
  )
  t.same([...new Int32Array(ring.labels)], [10, 10, 11, 11, 12, 12])
  t.end()
})

t.test('sizes are checked', (t) => {
  t.throws(() => createSlotRing({ ...GEOMETRY, slots: 0 }), /whole number from 1 for slots .* received 0/)
  t.throws(() => createSlotRing({ ...GEOMETRY, batch: 1.5 }), /for batch .* received 1.5/)
  t.end()
})

t.test('a wait has an end where one is set', (t) => {
  const ring = createSlotRing(GEOMETRY)
  const states = new Int32Array(ring.states)
  setSlotState(states, 1, SLOT_STATES.filling)
  t.equal(waitUntilReady(ring, slotIndex(1), 1), 'timeout')
  setSlotState(states, 1, SLOT_STATES.ready)
  t.equal(waitUntilReady(ring, slotIndex(1), 1), 'ready')
  t.equal(waitUntilReady(ring, slotIndex(0), 1), 'failed', 'a free slot was never assigned')
  t.end()
})

t.test('a thread sleeps until its slot is filled, and sees what was written', async (t) => {
  const ring = createSlotRing(GEOMETRY)
  const states = new Int32Array(ring.states)
  const entry = new URL(`./wait-in-thread${extname(fileURLToPath(import.meta.url))}`, import.meta.url)
  const thread = new Worker(entry, { workerData: ring })
  await once(thread, 'online')
  for (const [state, outcome] of [
    [SLOT_STATES.ready, 'ready'],
    [SLOT_STATES.failed, 'failed'],
  ] as const) {
    setSlotState(states, 2, SLOT_STATES.filling)
    thread.postMessage(2)
    await delay(20)
    slotPixels(ring, 2).fill(200)
    slotLabels(ring, 2).fill(7)
    setSlotState(states, 2, state)
    const [answer] = await once(thread, 'message')
    t.same(answer, { outcome, pixel: 200, label: 7 })
  }
  await thread.terminate()
})
