import { randomStream } from '../vocabulary/random.ts'
import type { ImageSplit } from './dataset.ts'

/** Keys the choice of images: one choice for all runs, whatever their seed, so that runs of one fraction see the same. */
const CHOICE_SEED = 0

/**
 * Part of a split: of each class with n images `round(fraction n)`, at least one, drawn at random but the same for all
 * runs; in the archive's order. A larger fraction holds all images of a smaller one.
 * @param fraction above 0, at most 1
 */
export function takeFraction(split: ImageSplit, fraction: number): ImageSplit {
  if (fraction === 1) return split
  const samples = chooseSamples(new Int32Array(split.labels), fraction)
  const imageBytes = split.channels * split.height * split.width
  const source = new Uint8Array(split.images)
  const images = new SharedArrayBuffer(samples.length * imageBytes)
  const pixels = new Uint8Array(images)
  samples.forEach((sample, place) => {
    pixels.set(source.subarray(sample * imageBytes, (sample + 1) * imageBytes), place * imageBytes)
  })
  return { ...split, count: samples.length, images, labels: gather(new Int32Array(split.labels), samples) }
}

/** Samples of the fraction, ascending. */
function chooseSamples(labels: Int32Array, fraction: number): number[] {
  const classes = new Map<number, { sample: number; rank: number }[]>()
  labels.forEach((label, sample) => {
    const members = classes.get(label) ?? []
    members.push({ sample, rank: randomStream(CHOICE_SEED, 'order', 0, sample).uint32() })
    classes.set(label, members)
  })
  const chosen = [...classes.values()].flatMap((members) => {
    const count = Math.max(1, Math.round(fraction * members.length))
    members.sort((one, other) => one.rank - other.rank || one.sample - other.sample)
    return members.slice(0, count).map(({ sample }) => sample)
  })
  return chosen.sort((one, other) => one - other)
}

function gather(column: Int32Array, samples: readonly number[]): SharedArrayBuffer {
  const shared = new SharedArrayBuffer(samples.length * Int32Array.BYTES_PER_ELEMENT)
  new Int32Array(shared).set(samples.map((sample) => column[sample] ?? -1))
  return shared
}
