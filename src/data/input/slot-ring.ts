/**
 * The ring of slots between decode workers and replicas, all in shared memory. A slot is one global batch; its state
 * goes FREE -> FILLING (main thread, when it assigns a batch) -> READY (decode worker) or FAILED (main thread) -> FREE
 * (main thread, when every replica is done with it).
 */
import type { SlotIndex } from '../../vocabulary/counts.ts'
import type { SlotGeometry, SlotRing } from './batch-source.ts'

export const SLOT_STATES = { free: 0, filling: 1, ready: 2, failed: 3 } as const
export type SlotState = (typeof SLOT_STATES)[keyof typeof SLOT_STATES]

/** Bytes of one slot's pixels, [batch, height, width, channels] u8. */
export function slotBytes(geometry: SlotGeometry): number {
  return geometry.batch * geometry.height * geometry.width * geometry.channels
}

/**
 * A ring with every slot free and all bytes zero.
 * @throws RangeError for a size that is not a whole number from 1
 */
export function createSlotRing(geometry: SlotGeometry): SlotRing {
  for (const [name, size] of Object.entries(geometry)) {
    if (!Number.isSafeInteger(size) || size < 1) {
      throw new RangeError(`Expected a whole number from 1 for ${name} of the slot ring but received ${size}`)
    }
  }
  return {
    geometry,
    pixels: new SharedArrayBuffer(geometry.slots * slotBytes(geometry)),
    labels: new SharedArrayBuffer(geometry.slots * geometry.batch * Int32Array.BYTES_PER_ELEMENT),
    states: new SharedArrayBuffer(geometry.slots * Int32Array.BYTES_PER_ELEMENT),
    waited: new SharedArrayBuffer(BigInt64Array.BYTES_PER_ELEMENT),
  }
}

/** The slot's pixels, [batch, height, width, channels] u8. A view: a loop makes it once for each slot and keeps it. */
export function slotPixels(ring: SlotRing, slot: number): Uint8Array {
  const bytes = slotBytes(ring.geometry)
  return new Uint8Array(ring.pixels, slot * bytes, bytes)
}

/** The slot's labels, [batch] i32; -1 = a row that only fills up the last batch of a pass. */
export function slotLabels(ring: SlotRing, slot: number): Int32Array {
  const { batch } = ring.geometry
  return new Int32Array(ring.labels, slot * batch * Int32Array.BYTES_PER_ELEMENT, batch)
}

/** Sets the state of a slot and wakes every thread that waits for it. */
export function setSlotState(states: Int32Array, slot: number, state: SlotState): void {
  Atomics.store(states, slot, state)
  Atomics.notify(states, slot)
}

/**
 * Blocks the calling thread (a replica, never the main thread) until the slot has been filled. The slot was assigned
 * before its number was sent, and stays so until every replica has released it, so a state other than FILLING is final.
 * @param timeout milliseconds, after which the answer is 'timeout' (default: no end)
 */
export function waitUntilReady(ring: SlotRing, slot: SlotIndex, timeout?: number): 'ready' | 'failed' | 'timeout' {
  const states = new Int32Array(ring.states)
  if (Atomics.load(states, slot) === SLOT_STATES.ready) return 'ready'
  const began = performance.now()
  try {
    for (;;) {
      const state = Atomics.load(states, slot)
      if (state === SLOT_STATES.ready) return 'ready'
      if (state !== SLOT_STATES.filling) return 'failed'
      if (Atomics.wait(states, slot, SLOT_STATES.filling, timeout) === 'timed-out') return 'timeout'
    }
  } finally {
    const microseconds = Math.round((performance.now() - began) * 1000)
    Atomics.add(new BigInt64Array(ring.waited), 0, BigInt(microseconds))
  }
}

/** Seconds that threads have spent in waitUntilReady since the ring was made, all of them together. */
export function secondsWaited({ waited }: SlotRing): number {
  return Number(Atomics.load(new BigInt64Array(waited), 0)) / 1e6
}
