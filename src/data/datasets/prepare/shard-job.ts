/** All that crosses between `prepare` and its processes: one job makes one shard. */
import { crc32 } from 'node:zlib'
import type { Encoding } from './examine-image.ts'
import type { SourceImage } from './image-list.ts'

export interface ShardJob {
  /** Name of the shard without ending, e.g. `train-00007`. */
  readonly id: string
  readonly images: readonly SourceImage[]
  readonly encoding: Encoding
  /** Folder of the shard, null to write none; `rows` is where what it holds is noted. */
  readonly output: { readonly folder: string; readonly rows: string } | null
  /** One image at a time, each told of before: for a job whose process died. */
  readonly careful: boolean
  /** Places in `images` that killed a process. */
  readonly killers: readonly number[]
}

/** One good image in its shard. */
export interface ShardRow {
  readonly name: string
  readonly label: number
  readonly offset: number
  readonly length: number
  readonly checksum: number
  readonly width: number
  readonly height: number
}

/** What is known of a finished shard, kept as JSON beside it until all are finished. */
export interface ShardReport {
  readonly file: string
  readonly bytes: number
  readonly sha256: string
  readonly rows: readonly ShardRow[]
  readonly formats: Readonly<Record<string, number>>
  readonly odd: readonly { readonly name: string; readonly what: string }[]
  readonly bad: readonly { readonly name: string; readonly reason: string }[]
}

/** As it is kept: a line with the CRC-32 of the next, which is the report as JSON. */
export function printReport(report: ShardReport): string {
  const text = JSON.stringify(report)
  return `${crc32(text)}\n${text}\n`
}

/** null for a report that is not what was written: its shard is then made again. */
export function readReport(kept: string): ShardReport | null {
  const [checksum, text = '', ...rest] = kept.split('\n')
  if (rest.join() !== '' || rest.length !== 1 || checksum !== String(crc32(text))) return null
  const report: ShardReport = JSON.parse(text)
  return report
}

export type FromPacker =
  /** Images and source bytes done since the last message, and how many of them were bad. */
  | { readonly kind: 'progress'; readonly images: number; readonly bytes: number; readonly bad: number }
  /** Of a careful job: this place comes next. */
  | { readonly kind: 'next'; readonly place: number }
  | { readonly kind: 'packed'; readonly report: ShardReport }
  /** The job cannot be done: a file that cannot be read or written. `remedy` where the user can mend it. */
  | { readonly kind: 'failed'; readonly message: string; readonly remedy: string | null; readonly stack: string }
