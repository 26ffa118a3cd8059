/** `native-ensemble prepare`: from images as they are published to shards that decode threads read. */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { UserFault } from '../../../vocabulary/fault.ts'
import { LockWaitStopped } from '../../../vocabulary/locks/folder-lock.ts'
import type { SplitName } from '../dataset.ts'
import { encodeIndex, type IndexEntry, SHARD_MAGIC } from '../shard-index.ts'
import { encodeManifest, MANIFEST_FILE, SHARD_FORMAT, type ShardManifest, type SizedFile } from '../shard-manifest.ts'
import { sha256 } from '../source-file.ts'
import { noticesOfPacked, refuseEmptiedClasses, rowsOf } from './check-packed.ts'
import type { Encoding } from './examine-image.ts'
import { listImages } from './find-source.ts'
import type { ImageList, SourceImage } from './image-list.ts'
import { writeWhole } from './pack-shard.ts'
import { runPackers } from './packer-pool.ts'
import type { ShardJob, ShardReport } from './shard-job.ts'
import { WorkFolder } from './work-folder.ts'

export interface PrepareOptions {
  /** Folder of images, or of the official archives. */
  readonly source: string
  /** Folder to make. */
  readonly out: string
  /** Part of each class that becomes test images where the source has none of its own; null = 0.1, 0 = no test images. */
  readonly validation: number | null
  readonly encoding: Encoding
  /** `fail` = no shards, `skip` = shards without them, `report` = only look, write nothing. */
  readonly onBad: 'fail' | 'skip' | 'report'
  readonly input: ShardManifest['input']
  /** Most source bytes of a shard; null = a 64th of all, within 16 .. 256 MB, so that all cores have some to do. */
  readonly shardBytes: number | null
  readonly processes: number
}

/** How far the packing is: images and source bytes that are done, and all of them. */
export interface PrepareProgress {
  readonly images: number
  readonly allImages: number
  readonly bytes: number
  readonly allBytes: number
  readonly bad: number
}

/** What was packed, and what was odd or left out. */
export interface PrepareResult {
  readonly ended: 'done' | 'interrupted'
  readonly images: Readonly<Record<SplitName, number>>
  readonly classes: number
  readonly odd: ShardManifest['odd']
  readonly bad: ShardManifest['bad']
  readonly formats: ShardManifest['formats']
  readonly notices: readonly string[]
}

const SPLITS = ['train', 'test'] as const
/** Bad images that a message names one by one. */
const MOST_NAMED = 20

/**
 * @param stop ends it; what is finished is kept, and a later call goes on
 * @param note told of what takes time before the work begins
 * @throws UserFault for a source that cannot be used, bad images with `fail`, and a place that cannot be written
 */
export async function prepareShards(
  options: PrepareOptions,
  progress: (report: PrepareProgress) => void,
  stop: AbortSignal,
  note: (words: string) => void = () => undefined,
): Promise<PrepareResult> {
  const list = await listImages(options.source, options.validation, options.onBad === 'report' ? null : options.out)
  const shardBytes = options.shardBytes ?? usualShardBytes(list)
  const plan = planOf(options.encoding, shardBytes, list)
  let work: WorkFolder | null = null
  try {
    if (options.onBad !== 'report') work = await WorkFolder.open(options.out, plan, { note, stop })
    const jobs = SPLITS.flatMap((split) => jobsOf(split, list.images[split], shardBytes, options.encoding, work))
    const reports = await packAll(jobs, options, work, progress, stop)
    if (reports === null) return resultOf('interrupted', list, [])
    const result = resultOf('done', list, [...reports.values()])
    if (work === null) return result
    if (options.onBad === 'fail' && result.bad.length > 0) throw badImages(result.bad, options.out)
    refuseEmptiedClasses(list, rowsOf([...reports.values()]))
    const manifest = await writeIndices(work, list, jobs, reports, options)
    await writeWhole(join(work.folder, MANIFEST_FILE), encodeManifest(manifest))
    await work.publish()
    return result
  } catch (error) {
    if (error instanceof LockWaitStopped) return resultOf('interrupted', list, [])
    throw error
  } finally {
    await work?.close()
  }
}

/** What has to be the same for a later call to go on. */
function planOf(encoding: Encoding, shardBytes: number, { fingerprint }: ImageList): string {
  return createHash('sha256')
    .update(JSON.stringify([SHARD_FORMAT, encoding, shardBytes, fingerprint]))
    .digest('hex')
}

function usualShardBytes({ images }: ImageList): number {
  const all = sum([...images.train, ...images.test], ({ bytes }) => bytes)
  return Math.min(256e6, Math.max(16e6, Math.ceil(all / 64)))
}

/** Shards by the bytes of their sources, so that which images share one is known before any is read. */
function jobsOf(
  split: SplitName,
  images: readonly SourceImage[],
  shardBytes: number,
  encoding: Encoding,
  work: WorkFolder | null,
): ShardJob[] {
  const groups: SourceImage[][] = []
  let bytes = Number.POSITIVE_INFINITY
  for (const image of images) {
    if (bytes + image.bytes > shardBytes) {
      groups.push([])
      bytes = SHARD_MAGIC.length
    }
    groups.at(-1)?.push(image)
    bytes += image.bytes
  }
  return groups.map((group, number) => {
    const id = `${split}-${String(number).padStart(5, '0')}`
    const output = work === null ? null : { folder: work.folder, rows: work.rowsOf(id) }
    return { id, images: group, encoding, output, careful: false, killers: [] }
  })
}

/** By the id of the job; null where it was stopped before all were done. */
async function packAll(
  jobs: readonly ShardJob[],
  { processes, encoding }: PrepareOptions,
  work: WorkFolder | null,
  progress: (report: PrepareProgress) => void,
  stop: AbortSignal,
): Promise<Map<string, ShardReport> | null> {
  const reports = new Map<string, ShardReport>()
  const done = { images: 0, bytes: 0, bad: 0 }
  const [allImages, allBytes] = [sum(jobs, ({ images }) => images.length), sum(jobs, sourceBytes)]
  for (const job of jobs) {
    const report = await work?.finished(job)
    if (report === undefined || report === null) continue
    reports.set(job.id, report)
    done.images += job.images.length
    done.bytes += sourceBytes(job)
    done.bad += report.bad.length
  }
  if (encoding === 'original') await work?.needSpace(allBytes - done.bytes)
  const tell = () => progress({ ...done, allImages, allBytes })
  tell()
  const left = jobs.filter(({ id }) => !reports.has(id))
  const hooks = {
    progress(images: number, bytes: number, bad: number) {
      done.images += images
      done.bytes += bytes
      done.bad += bad
      tell()
    },
    packed: (job: ShardJob, report: ShardReport) => void reports.set(job.id, report),
  }
  await runPackers(left, processes, hooks, stop)
  return stop.aborted ? null : reports
}

function resultOf(ended: PrepareResult['ended'], list: ImageList, reports: readonly ShardReport[]): PrepareResult {
  const formats: Record<string, number> = {}
  for (const report of reports) {
    for (const [format, count] of Object.entries(report.formats)) formats[format] = (formats[format] ?? 0) + count
  }
  const rows = rowsOf(reports)
  return {
    ended,
    images: { train: rows.train.length, test: rows.test.length },
    classes: list.classes.length,
    odd: reports.flatMap(({ odd }) => odd),
    bad: reports.flatMap(({ bad }) => bad),
    formats,
    notices: [...list.notices, ...(ended === 'done' ? noticesOfPacked(list, rows) : [])],
  }
}

async function writeIndices(
  work: WorkFolder,
  list: ImageList,
  jobs: readonly ShardJob[],
  reports: ReadonlyMap<string, ShardReport>,
  { encoding, input }: PrepareOptions,
): Promise<ShardManifest> {
  const ordered = jobs.flatMap(({ id }) => reports.get(id) ?? [])
  const { formats, odd, bad } = resultOf('done', list, ordered)
  const write = async (split: SplitName): Promise<ShardManifest['splits']['train']> => {
    const entries: IndexEntry[] = []
    const shards: SizedFile[] = []
    for (const { file, bytes, sha256, rows } of ordered) {
      if (!file.startsWith(split) || rows.length === 0) continue
      for (const row of rows) entries.push({ ...row, shard: shards.length })
      shards.push({ file, bytes, sha256 })
    }
    if (entries.length === 0 && list.images[split].length > 0) {
      throw new UserFault(`Expected good ${split} images but received none of ${list.images[split].length}`, NONE_GOOD)
    }
    const index = encodeIndex(entries)
    await writeWhole(join(work.folder, `${split}.index`), index)
    const indexFile = { file: `${split}.index`, bytes: index.length, sha256: sha256(index) }
    return { count: entries.length, index: indexFile, shards }
  }
  const splits = { train: await write('train'), test: await write('test') }
  const { kind, classes } = list
  return { format: SHARD_FORMAT, kind, classes, input, encoding, splits, formats, odd: [...odd], bad: [...bad] }
}

const NONE_GOOD = 'prepare <source> <out> --on-bad report lists what is wrong with each.'

function badImages(bad: ShardManifest['bad'], out: string): UserFault {
  const named = bad.slice(0, MOST_NAMED).map(({ name, reason }) => `\n  ${name}: ${reason}`)
  const others = bad.length > MOST_NAMED ? `\n  and ${bad.length - MOST_NAMED} more` : ''
  return new UserFault(
    `Expected whole images but received ${bad.length} that are not:${named.join('')}${others}`,
    `Mend or remove them; or leave them out of ${out} with --on-bad skip, which goes on from what is done. ` +
      '--on-bad report lists all of them.',
  )
}

function sourceBytes({ images }: ShardJob): number {
  return sum(images, ({ bytes }) => bytes)
}

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0)
}
