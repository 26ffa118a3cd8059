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

/**
 * Writes an order in which each sample comes `repeats` times in a batch, as in "Augment Your Batch" (CVPR 2020) and timm's
 * RepeatAugSampler: the first order.length / repeats samples of the epoch's permutation. Each value is sample + repeat x
 * order.length. Within a batch the first repeats come first, then the second ones: replicas, which have neighbouring rows, see
 * different samples, and mixing seldom meets an image with itself.
 * @param batch places of a batch, over all hosts
 * @throws RangeError where the values would not fit into 31 bits
 */
export function writeRepeatedOrder(
  order: Int32Array,
  seed: number,
  epoch: number,
  repeats: number,
  batch: number,
): void {
  const count = order.length
  if (count * repeats > 2 ** 31)
    throw new RangeError(`Expected at most ${2 ** 31} values but received ${count * repeats}`)
  const permutation = new Int32Array(count)
  writeEpochOrder(permutation, seed, epoch)
  let row = 0
  for (let first = 0; first < count; first += batch) {
    const end = Math.min(count, first + batch)
    for (let repeat = 0; repeat < repeats; repeat++) {
      const nearest = first - (first % repeats) + repeat
      for (let place = nearest < first ? nearest + repeats : nearest; place < end; place += repeats) {
        order[row++] = (permutation[Math.floor(place / repeats)] ?? 0) + repeat * count
      }
    }
  }
}
