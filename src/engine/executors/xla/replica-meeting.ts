/** The shared memory of an XLA run's replicas: the client's handle, a flag for failure, and the meeting before each step. */

/** Words of the memory: whether the run was abandoned, replicas that have arrived at meetings so far, a trial that was refused. */
const ABANDONED = 0
const ARRIVED = 1
const REFUSED = 4
/** Byte of the client's handle. */
const HANDLE = 8

export const EXCHANGE_BYTES = 64

export function writeHandle(exchange: SharedArrayBuffer, handle: bigint): void {
  new BigUint64Array(exchange, HANDLE, 1)[0] = handle
}

/** @returns null where no client was opened for this memory */
export function readHandle(exchange: SharedArrayBuffer): bigint | null {
  const handle = new BigUint64Array(exchange, HANDLE, 1)[0] ?? 0n
  return handle === 0n ? null : handle
}

/** The word that ends waits for devices. */
export function abandonedWord(exchange: SharedArrayBuffer): Int32Array {
  return new Int32Array(exchange, 4 * ABANDONED, 1)
}

/** Ends the waiting of all replicas, here and in the addon. */
export function abandon(exchange: SharedArrayBuffer): void {
  const words = new Int32Array(exchange)
  Atomics.store(words, ABANDONED, 1)
  Atomics.notify(words, ARRIVED)
}

/**
 * Waits until all replicas are about to launch the same step. XLA ends the whole process where a program with an
 * all-reduce is launched and a partner never comes, so none is launched before all are known to be there.
 * @param meeting counted from 1
 * @throws Error where a replica failed: it will never come
 */
export function meetReplicas(exchange: SharedArrayBuffer, meeting: number, replicas: number): void {
  const words = new Int32Array(exchange)
  const everyone = meeting * replicas
  if (Atomics.add(words, ARRIVED, 1) + 1 >= everyone) Atomics.notify(words, ARRIVED)
  for (;;) {
    if (Atomics.load(words, ABANDONED) !== 0)
      throw new Error('Expected all replicas to take part but one of them failed')
    const arrived = Atomics.load(words, ARRIVED)
    if (arrived >= everyone) return
    Atomics.wait(words, ARRIVED, arrived)
  }
}

/** Arrives at the next meetings without waiting for the others: this replica leaves out what they are for. */
export function arriveEarly(exchange: SharedArrayBuffer, meetings: number): void {
  const words = new Int32Array(exchange)
  Atomics.add(words, ARRIVED, meetings)
  Atomics.notify(words, ARRIVED)
}

/** Tells the others, before it arrives, that this replica could not do its part of a trial (SharedTrial). */
export function writeRefusal(exchange: SharedArrayBuffer, trial: number): void {
  Atomics.store(new Int32Array(exchange), REFUSED, trial)
}

/** Number of the last trial that a replica refused, 0 = none. */
export function readRefusal(exchange: SharedArrayBuffer): number {
  return Atomics.load(new Int32Array(exchange), REFUSED)
}
