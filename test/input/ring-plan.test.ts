import t from 'tap'
import { planRing } from '../../src/data/input/ring-plan.ts'
import {
  createSlotRing,
  SLOT_STATES,
  secondsWaited,
  setSlotState,
  waitUntilReady,
} from '../../src/data/input/slot-ring.ts'
import { slotIndex } from '../../src/vocabulary/counts.ts'

const IMAGENET = { batch: 256, height: 224, width: 224, channels: 3, inHand: 4 }
const SLOT = 256 * 224 * 224 * 3

t.test('two slots for each decode thread, within a quarter of the memory', (t) => {
  t.same(planRing({ ...IMAGENET, decodeWorkers: 2, memory: 64e9 }), { slots: 8, bytes: 8 * SLOT })
  t.same(planRing({ ...IMAGENET, decodeWorkers: 16, memory: 64e9 }), { slots: 36, bytes: 36 * SLOT })
  const tight = planRing({ ...IMAGENET, decodeWorkers: 16, memory: 2e9 })
  t.same(tight, { slots: 12, bytes: 12 * SLOT })
  t.ok(tight.bytes < 2e9 / 4)
  t.equal(planRing({ ...IMAGENET, decodeWorkers: 16, memory: 1e8 }).slots, 5)
  t.end()
})

t.test('time that threads wait for slots is counted; a slot that is ready costs none', (t) => {
  const ring = createSlotRing({ slots: 1, batch: 1, height: 1, width: 1, channels: 1 })
  const states = new Int32Array(ring.states)
  setSlotState(states, 0, SLOT_STATES.ready)
  t.equal(waitUntilReady(ring, slotIndex(0)), 'ready')
  t.equal(secondsWaited(ring), 0)
  setSlotState(states, 0, SLOT_STATES.filling)
  t.equal(waitUntilReady(ring, slotIndex(0), 30), 'timeout')
  const once = secondsWaited(ring)
  t.ok(once >= 0.029, `${once}`)
  t.equal(waitUntilReady(ring, slotIndex(0), 30), 'timeout')
  t.ok(secondsWaited(ring) >= once + 0.029)
  t.end()
})
