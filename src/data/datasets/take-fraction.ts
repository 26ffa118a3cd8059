import { randomStream } from '../../vocabulary/random.ts'
import type { DatasetSplit } from './dataset.ts'

/** Keys the choice of images: one choice for all runs, whatever their seed, so that runs of one fraction see the same. */
const CHOICE_SEED = 0

/**
 * Part of a split: of each class with n images `round(fraction n)`, at least one, drawn at random but the same for all
 * runs; in the archive's order. A larger fraction holds all images of a smaller one.
 * @param fraction above 0, at most 1
 */
export function takeFraction(split: DatasetSplit, fraction: number): DatasetSplit {
  if (fraction === 1) return split
  const samples = chooseSamples(new Int32Array(split.labels), fraction)
  const take = (column: SharedArrayBuffer) => takeRows(column, split.count, samples)
  const part = { count: samples.length, labels: take(split.labels) }
  if (split.storage === 'pixels') return { ...split, ...part, images: take(split.images) }
  if (split.storage === 'files') return { ...split, ...part, files: samples.flatMap((one) => split.files[one] ?? []) }
  const { shard, offset, length, checksum, width, height } = split.index
  const index = {
    shard: take(shard),
    offset: take(offset),
    length: take(length),
    checksum: take(checksum),
    width: take(width),
    height: take(height),
  }
  return { ...split, ...part, index }
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

/** @param rows how many equally long rows of bytes the column has */
function takeRows(column: SharedArrayBuffer, rows: number, chosen: readonly number[]): SharedArrayBuffer {
  const rowBytes = column.byteLength / rows
  const source = new Uint8Array(column)
  const shared = new SharedArrayBuffer(chosen.length * rowBytes)
  const target = new Uint8Array(shared)
  chosen.forEach((row, place) => {
    target.set(source.subarray(row * rowBytes, (row + 1) * rowBytes), place * rowBytes)
  })
  return shared
}
