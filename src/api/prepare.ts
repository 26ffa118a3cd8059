/** Images packed into shards. */
import { type ConfigFault, fault, refuseFaults } from '../config/config-fault.ts'
import { PHOTOGRAPH_COLOURS } from '../data/datasets/ilsvrc2012.ts'
import type {
  PrepareProgress,
  PrepareResult,
  PrepareOptions as ShardOptions,
} from '../data/datasets/prepare/prepare-shards.ts'
import type { VerifyProgress, VerifyResult } from '../data/datasets/verify-shards.ts'
import { allowedCores } from '../vocabulary/allowed-cores.ts'
import { didYouMean } from '../vocabulary/nearest-word.ts'
import { explained } from './begin.ts'

/** What is packed, how and where. */
export interface PrepareOptions {
  /** Folder with one folder a class, with `train/<class>/` and `val/<class>/`, or with the official ILSVRC2012 archives. */
  readonly source: string
  /** Folder to make; `dataset: 'image-folder', data: <it>` trains on it. */
  readonly out: string
  /** Part of each class, from 0 to below 1, that becomes test images where the source has no `val/` (default: 0.1). */
  readonly validation?: number
  /** Images that cannot be decoded: refuse them all, leave them out, or only list them and write nothing (default: `fail`). */
  readonly onBad?: 'fail' | 'skip' | 'report'
  /** Pixels of the short side that larger images are encoded again at (default: the bytes stay as they are). */
  readonly shortSide?: number
  /** JPEG quality from 1 to 100 with `shortSide` (default: 90). */
  readonly quality?: number
  /** Height and width of the network's input in pixels (default: 224). */
  readonly input?: number
  /** Most megabytes of a shard (default: a 64th of all, from 16 to 256). */
  readonly shardSize?: number
  /** Processes that decode (default: one for each core). */
  readonly processes?: number
  /** Aborted to end it: what is finished is kept, and the same call goes on from there. */
  readonly signal?: AbortSignal
  /** Told every fraction of a second. */
  readonly onProgress?: (progress: PrepareProgress) => void
  /** Told in words of what takes time before the work begins. */
  readonly onNote?: (text: string) => void
}

/** How a check of shards is followed and ended. */
export interface VerifyOptions {
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: VerifyProgress) => void
}

const LIMITS = {
  validation: { flag: '--validation', what: 'a part from 0 to below 1', fits: (n: number) => n >= 0 && n < 1 },
  shortSide: { flag: '--short-side', what: 'pixels from 16 to 8192', fits: isWhole(16, 8192) },
  quality: { flag: '--quality', what: 'a JPEG quality from 1 to 100', fits: isWhole(1, 100) },
  input: { flag: '--input', what: 'pixels from 8 to 1024', fits: isWhole(8, 1024) },
  shardSize: { flag: '--shard-size', what: 'megabytes from 1 to 1024', fits: isWhole(1, 1024) },
  processes: { flag: '--processes', what: 'a whole number from 1 to 256', fits: isWhole(1, 256) },
} as const

/** Values of a command line are text, which is read as numbers. */
type Given = { readonly [Key in keyof PrepareOptions]?: unknown }

/**
 * Decodes every image once, then packs them into shards; as `native-ensemble prepare`.
 * @throws UserFault that lists everything that is wrong with the options; for a source that cannot be used, for bad images
 *   with `onBad: 'fail'`, and for a place that cannot be written
 */
export async function prepare(options: PrepareOptions): Promise<PrepareResult> {
  return await prepareImages(options, shardOptions(options, []))
}

/** As prepare, with options that were checked. */
export async function prepareImages(
  { signal, onProgress, onNote }: Pick<PrepareOptions, 'signal' | 'onProgress' | 'onNote'>,
  options: ShardOptions,
): Promise<PrepareResult> {
  return await explained(async () => {
    const { prepareShards } = await import('../data/datasets/prepare/prepare-shards.ts')
    const stop = signal ?? new AbortController().signal
    return await prepareShards(options, onProgress ?? (() => undefined), stop, onNote)
  })
}

/**
 * Compares every byte of shards with what was made; as `native-ensemble prepare --verify`. Damage is in the result.
 * @param shards folder that `prepare` made
 * @throws UserFault where the folder holds no shards
 */
export async function verifyShards(shards: string, { signal, onProgress }: VerifyOptions = {}): Promise<VerifyResult> {
  return await explained(async () => {
    const { verifyShards: verify } = await import('../data/datasets/verify-shards.ts')
    return await verify(shards, onProgress ?? (() => undefined), signal ?? new AbortController().signal)
  })
}

function isWhole(least: number, most: number): (value: number) => boolean {
  return (value) => Number.isSafeInteger(value) && value >= least && value <= most
}

/** The options checked. @throws UserFault that lists all that is wrong with them */
export function shardOptions(options: Given, otherFaults: readonly ConfigFault[]): ShardOptions {
  const faults = [...otherFaults]
  const number = (key: keyof typeof LIMITS): number | null => {
    const value = options[key]
    if (value === undefined) return null
    const { flag, what, fits } = LIMITS[key]
    const received = String(value).trim() === '' ? Number.NaN : Number(value)
    if (fits(received)) return received
    faults.push(fault(what, flag, value, `Correct ${flag}, or leave it out.`))
    return null
  }
  const [source, out] = [String(options.source ?? ''), String(options.out ?? '')]
  if (source === '' || out === '') {
    const received = source === '' && out === '' ? 'neither' : `only ${source || out}`
    faults.push(
      fault('<source> and <shards>', 'prepare', received, 'native-ensemble prepare --help says what they are.'),
    )
  }
  const onBad = options.onBad ?? 'fail'
  if (onBad !== 'fail' && onBad !== 'skip' && onBad !== 'report') {
    const remedy = didYouMean(onBad, ['fail', 'skip', 'report'], 'Leave --on-bad out for fail.')
    faults.push(fault('fail, skip or report', '--on-bad', onBad, remedy))
  }
  const [shortSide, quality] = [number('shortSide'), number('quality')]
  if (options.shortSide === undefined && options.quality !== undefined) {
    faults.push(fault('--short-side', '--quality', quality, 'Add --short-side: without it the bytes stay as they are.'))
  }
  const [validation, side] = [number('validation'), number('input') ?? 224]
  const [megabytes, processes] = [number('shardSize'), number('processes') ?? allowedCores().length]
  refuseFaults(faults, 'this command')
  return {
    source,
    out,
    validation,
    encoding: shortSide === null ? 'original' : { format: 'jpeg', shortSide, quality: quality ?? 90 },
    onBad: onBad === 'skip' || onBad === 'report' ? onBad : 'fail',
    input: { height: side, width: side, mean: [...PHOTOGRAPH_COLOURS.mean], std: [...PHOTOGRAPH_COLOURS.std] },
    shardBytes: megabytes === null ? null : megabytes * 1e6,
    processes,
  }
}
