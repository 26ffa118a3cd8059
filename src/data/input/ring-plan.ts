/** How many slots the ring has: enough that neither side waits for the other, within a share of the machine's memory. */
import { slotBytes } from './slot-ring.ts'

/** Batches that lie decoded or are being decoded, for each decode thread. */
const SLOTS_PER_WORKER = 2

/** Of the memory that the process may use. */
const MOST_OF_MEMORY = 1 / 4

export interface RingNeeds {
  /** Images of a slot. */
  readonly batch: number
  readonly height: number
  readonly width: number
  readonly channels: number
  /** Slots that the replicas hold, or that are on their way to them. */
  readonly inHand: number
  readonly decodeWorkers: number
  /** Bytes that the process may use. */
  readonly memory: number
}

export interface RingPlan {
  readonly slots: number
  readonly bytes: number
}

/** At least one slot beside those in hand, however little memory there is: with less nothing is decoded ahead. */
export function planRing({ inHand, decodeWorkers, memory, ...slot }: RingNeeds): RingPlan {
  const bytes = slotBytes({ ...slot, slots: 1 })
  const wanted = inHand + SLOTS_PER_WORKER * decodeWorkers
  const affordable = Math.floor((memory * MOST_OF_MEMORY) / bytes)
  const slots = Math.max(inHand + 1, Math.min(wanted, affordable))
  return { slots, bytes: slots * bytes }
}
