/** Thread entry: waits for each slot it is told, as a replica does, and answers how the wait ended. */
import { parentPort, workerData } from 'node:worker_threads'
import type { SlotRing } from '../../src/data/input/batch-source.ts'
import { slotLabels, slotPixels, waitUntilReady } from '../../src/data/input/slot-ring.ts'
import { slotIndex } from '../../src/vocabulary/counts.ts'

const ring: SlotRing = workerData

parentPort?.on('message', (slot: number) => {
  const outcome = waitUntilReady(ring, slotIndex(slot))
  parentPort?.postMessage({ outcome, pixel: slotPixels(ring, slot)[0], label: slotLabels(ring, slot)[0] })
})
