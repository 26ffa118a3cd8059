/** Calls `prepare` as the command does, and reads what it made. */
import { readFileSync } from 'node:fs'
import type { EncodedSplit } from '../../src/data/datasets/dataset.ts'
import {
  type PrepareOptions,
  type PrepareResult,
  prepareShards,
} from '../../src/data/datasets/prepare/prepare-shards.ts'

export const INPUT = { height: 32, width: 32, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] }

export function prepareCall(
  source: string,
  out: string,
  options: Partial<PrepareOptions> = {},
  stop = new AbortController().signal,
): Promise<PrepareResult> {
  const usual = {
    validation: null,
    encoding: 'original',
    onBad: 'fail',
    input: INPUT,
    shardBytes: null,
    processes: 1,
  } as const
  return prepareShards({ source, out, ...usual, ...options }, () => undefined, stop)
}

/** The images of a split as the shards have them, in the index's order. */
export function imagesOf({ count, shards, index, labels }: EncodedSplit) {
  const files = shards.map((path) => readFileSync(path))
  const [shard, offset] = [new Uint32Array(index.shard), new Float64Array(index.offset)]
  const [length, checksum] = [new Uint32Array(index.length), new Uint32Array(index.checksum)]
  const [width, height, label] = [new Uint32Array(index.width), new Uint32Array(index.height), new Int32Array(labels)]
  return Array.from({ length: count }, (_, sample) => {
    const from = offset[sample] ?? Number.NaN
    return {
      bytes: files[shard[sample] ?? -1]?.subarray(from, from + (length[sample] ?? 0)) ?? Buffer.alloc(0),
      checksum: checksum[sample],
      width: width[sample],
      height: height[sample],
      label: label[sample],
    }
  })
}
