/** `native-ensemble prepare --verify`: are shards byte for byte what `prepare` made? */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { UserFault } from '../../vocabulary/fault.ts'
import { fileProblem } from '../../vocabulary/file-fault.ts'
import type { SplitName } from './dataset.ts'
import { readIndexFile } from './load-shards.ts'
import { type ReadIndex, SHARD_MAGIC } from './shard-index.ts'
import { readManifest, type SizedFile } from './shard-manifest.ts'
import { sha256 } from './source-file.ts'

/** One place of the shards that is not as it was made. */
export interface ShardFault {
  readonly file: string
  /** The image that is damaged, null where it is the file as a whole. */
  readonly image: string | null
  readonly what: string
}

/** What a check of shards has found. */
export interface VerifyResult {
  readonly ended: 'done' | 'interrupted'
  readonly images: number
  readonly faults: readonly ShardFault[]
}

/** How far the check is, in bytes, and the faults that it has found. */
export interface VerifyProgress {
  readonly bytes: number
  readonly allBytes: number
  readonly faults: number
}

/**
 * Reads every byte: SHA-256 of each file, CRC-32 of each image, and no byte between images that is not accounted for.
 * @throws UserFault where the folder holds no shards
 */
export async function verifyShards(
  folder: string,
  progress: (report: VerifyProgress) => void,
  stop: AbortSignal,
): Promise<VerifyResult> {
  const { splits } = await readManifest(folder)
  const all = [...splits.train.shards, ...splits.test.shards]
  const allBytes = all.reduce((sum, { bytes }) => sum + bytes, 0)
  const faults: ShardFault[] = []
  let [bytes, images] = [0, 0]
  for (const split of ['train', 'test'] as const satisfies readonly SplitName[]) {
    const { index: indexFile, shards } = splits[split]
    const index = await readIndex(folder, indexFile, faults)
    const samples = index === null ? null : samplesOfShards(index, shards.length)
    for (const [number, shard] of shards.entries()) {
      if (stop.aborted) return { ended: 'interrupted', images, faults }
      const own = samples?.[number] ?? []
      faults.push(...(await verifyShard(folder, shard, index, own)))
      bytes += shard.bytes
      images += own.length
      progress({ bytes, allBytes, faults: faults.length })
    }
  }
  return { ended: 'done', images, faults }
}

/** null where the index itself is at fault: the shards are then compared by their SHA-256 alone. */
async function readIndex(folder: string, file: SizedFile, faults: ShardFault[]): Promise<ReadIndex | null> {
  try {
    return (await readIndexFile(folder, file)).index
  } catch (error) {
    if (!(error instanceof UserFault)) throw error
    faults.push({ file: file.file, image: null, what: error.message })
    return null
  }
}

/** Samples of each shard by their place in it. */
function samplesOfShards({ count, index }: ReadIndex, shards: number): number[][] {
  const shard = new Uint32Array(index.shard)
  const offset = new Float64Array(index.offset)
  const samples: number[][] = Array.from({ length: shards }, () => [])
  for (let sample = 0; sample < count; sample++) samples[shard[sample] ?? -1]?.push(sample)
  for (const own of samples) own.sort((one, other) => (offset[one] ?? 0) - (offset[other] ?? 0))
  return samples
}

async function verifyShard(
  folder: string,
  { file, bytes, sha256: published }: SizedFile,
  index: ReadIndex | null,
  samples: readonly number[],
): Promise<ShardFault[]> {
  const fault = (what: string, image: string | null = null): ShardFault => ({ file, image, what })
  let contents: Buffer
  try {
    contents = await readFile(join(folder, file))
  } catch (error) {
    return [fault(`it cannot be read: ${fileProblem(error, join(folder, file)) ?? String(error)}`)]
  }
  const faults: ShardFault[] = []
  if (contents.length !== bytes) faults.push(fault(`${contents.length} bytes instead of ${bytes}`))
  if (index !== null) {
    const [offset, length] = [new Float64Array(index.index.offset), new Uint32Array(index.index.length)]
    const checksum = new Uint32Array(index.index.checksum)
    for (const sample of samples) {
      const from = offset[sample] ?? 0
      const received = crc32(contents.subarray(from, from + (length[sample] ?? 0)))
      if (received !== checksum[sample]) faults.push(fault('its bytes have changed (CRC-32)', index.nameOf(sample)))
    }
  }
  if (faults.length === 0 && sha256(contents) !== published) {
    const where = contents.subarray(0, SHARD_MAGIC.length).equals(SHARD_MAGIC) ? '' : ', at its beginning'
    faults.push(fault(`its bytes have changed (SHA-256)${where}`))
  }
  return faults
}
