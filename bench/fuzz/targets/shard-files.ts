/** The three kinds of files in a folder of shards, each read with the others whole: every image's bytes, size and label. */
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadShards } from '../../../src/data/datasets/load-shards.ts'
import { prepareShards } from '../../../src/data/datasets/prepare/prepare-shards.ts'
import { ShardReader } from '../../../src/data/input/shard-reader.ts'
import { jpegOf } from '../../../test/datasets/made-images.ts'
import { fingerprint } from '../fingerprint.ts'
import type { FuzzTarget } from '../fuzz-target.ts'
import { inScratch } from '../scratch.ts'

const CLASSES = ['ant', 'bee', 'cat']
const IMAGES = 3

async function makeShards(out: string): Promise<void> {
  await inScratch(async (source) => {
    for (const [label, name] of CLASSES.entries()) {
      mkdirSync(join(source, name))
      for (let image = 0; image < IMAGES; image++) {
        writeFileSync(join(source, name, `${image}.jpg`), await jpegOf(10 * label + image, 24, 20))
      }
    }
    const input = { height: 32, width: 32, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] }
    const how = { validation: 0.3, encoding: 'original', onBad: 'fail', input, shardBytes: null, processes: 1 } as const
    await prepareShards({ source, out, ...how }, () => undefined, new AbortController().signal)
  })
}

function shardTarget(name: string, file: string): FuzzTarget {
  return {
    name,
    file,
    samples: () =>
      inScratch(async (folder) => {
        await makeShards(join(folder, 'shards'))
        return [readFileSync(join(folder, 'shards', file))]
      }),
    async read(bytes, scratch) {
      const [whole, damaged] = [join(scratch, 'whole'), join(scratch, 'damaged')]
      if (!existsSync(whole)) {
        await makeShards(whole)
        cpSync(whole, damaged, { recursive: true })
      }
      writeFileSync(join(damaged, file), bytes)
      return await contentsOf(damaged)
    },
  }
}

async function contentsOf(folder: string): Promise<string> {
  const { description, train, test } = await loadShards('image-folder', folder)
  const parts: (string | Uint8Array)[] = [JSON.stringify(description)]
  for (const split of [train, test]) {
    const reader = new ShardReader(split)
    try {
      for (const [sample, label] of new Int32Array(split.labels).entries()) {
        const { width, height } = reader.size(sample)
        parts.push(`${label} ${width}x${height}`, Uint8Array.from(reader.read(sample)))
      }
    } finally {
      reader.close()
    }
  }
  return fingerprint(parts)
}

export const SHARD_MANIFEST_TARGET = shardTarget('shard-manifest', 'manifest.json')
export const SHARD_INDEX_TARGET = shardTarget('shard-index', 'train.index')
export const SHARD_TARGET = shardTarget('shard', 'train-00000.shard')
