/**
 * Who may write to a slot, and how far it has come, in shared memory: two i32 a slot. The claim is a number that the main
 * thread changes whenever it gives the slot to a task; the progress counts the images that the task has begun.
 */
import type { SlotFill } from './decode-task.ts'

const WORDS = 2

export type SlotClaims = Int32Array

export function createSlotClaims(slots: number): SharedArrayBuffer {
  return new SharedArrayBuffer(WORDS * slots * Int32Array.BYTES_PER_ELEMENT)
}

/** Gives the slot to a new task: what an older one still writes is not to be taken for its work. */
export function claimSlot(claims: SlotClaims, slot: number): number {
  Atomics.store(claims, WORDS * slot + 1, 0)
  return Atomics.add(claims, WORDS * slot, 1) + 1
}

export function isCurrent(claims: SlotClaims, { slot, claim }: SlotFill): boolean {
  return Atomics.load(claims, WORDS * slot) === claim
}

export function noteProgress(claims: SlotClaims, slot: number): void {
  Atomics.add(claims, WORDS * slot + 1, 1)
}

/** Images that the slot's task has begun; 0 = no thread has taken it up yet. */
export function progressOf(claims: SlotClaims, slot: number): number {
  return Atomics.load(claims, WORDS * slot + 1)
}
