/** The order in which one epoch visits the images of a split. */
import { randomStream } from '../../vocabulary/random.ts'

/**
 * Writes a permutation of 0 .. order.length - 1 that depends on (seed, epoch) alone: Fisher-Yates (Durstenfeld,
 * CACM 7/1964), drawn from the stream (seed, 'order', epoch).
 */
export function writeEpochOrder(order: Int32Array, seed: number, epoch: number): void {
  for (let index = 0; index < order.length; index++) order[index] = index
  const stream = randomStream(seed, 'order', epoch)
  for (let last = order.length - 1; last > 0; last--) {
    const chosen = stream.below(last + 1)
    const swapped = order[last] ?? 0
    order[last] = order[chosen] ?? 0
    order[chosen] = swapped
  }
}
