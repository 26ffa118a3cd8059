/** What the trainer and the evaluation need from the input room; the slot ring below is what a replica reads. */

/** Sizes of the ring between decode workers and replicas. */
export interface SlotGeometry {
  readonly slots: number
  /** Images of a slot = the global batch. */
  readonly batch: number
  readonly height: number
  readonly width: number
  readonly channels: number
}

/**
 * The shared memory of a ring, sent once to each replica. Slot s holds pixels [batch, height, width, channels] u8 and
 * labels [batch] i32; `states` holds an i32 a slot.
 */
export interface SlotRing {
  readonly geometry: SlotGeometry
  readonly pixels: SharedArrayBuffer
  readonly labels: SharedArrayBuffer
  readonly states: SharedArrayBuffer
  /** i64: microseconds that threads have waited for slots to be filled, all of them together. */
  readonly waited: SharedArrayBuffer
}
