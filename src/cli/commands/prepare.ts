import type { ConfigFault } from '../../config/config-fault.ts'
import { fault, refuseFaults } from '../../config/config-fault.ts'
import { PHOTOGRAPH_COLOURS } from '../../data/datasets/ilsvrc2012.ts'
import type { PrepareOptions, PrepareResult } from '../../data/datasets/prepare/prepare-shards.ts'
import { ProgressDisplay, printClock } from '../../report/progress.ts'
import { allowedCores } from '../../vocabulary/allowed-cores.ts'
import { UserFault } from '../../vocabulary/fault.ts'
import { didYouMean } from '../../vocabulary/nearest-word.ts'
import { printBytes } from '../../vocabulary/print-bytes.ts'
import { EXIT } from '../failure.ts'
import { listenForInterrupts } from '../interrupt.ts'
import type { Invocation } from '../invocation.ts'
import { interruptedCode } from '../signals.ts'
import { textTable } from '../text-table.ts'

/** Where there is no terminal, a line so often. */
const LINE_SECONDS = 10
const MOST_LISTED = 50

/** `prepare <source> <shards>` and `prepare --verify <shards>`. */
export async function prepareCommand({ operands, options, faults }: Invocation): Promise<number> {
  const json = options['json'] === true
  if (options['verify'] !== undefined) {
    refuseFaults([...faults, ...besideVerify(operands, options)], 'this command')
    return await verify(String(options['verify']), json)
  }
  return await prepare(readOptions(operands, options, faults), json)
}

async function prepare(options: PrepareOptions, json: boolean): Promise<number> {
  const { prepareShards } = await import('../../data/datasets/prepare/prepare-shards.ts')
  const display = new ProgressDisplay(process.stderr)
  const interruption = listenForInterrupts(display, 'what is finished is kept.')
  const pace = new Pace(display)
  let result: PrepareResult
  try {
    display.note(`Listing the images of ${options.source}`)
    result = await prepareShards(
      options,
      ({ images, allImages, bytes, allBytes, bad }) => {
        const found = bad === 0 ? '' : `  ${bad} bad`
        pace.show(bytes, allBytes, images, (rate) => `${images} of ${allImages} images${found}  ${rate}`)
      },
      interruption.stop,
      (words) => display.note(words),
    )
  } finally {
    display.close()
    interruption.dispose()
  }
  if (result.ended === 'interrupted') {
    process.stderr.write('Stopped. The same command goes on from here.\n')
    return interruptedCode()
  }
  for (const notice of result.notices) process.stderr.write(`${notice}\n`)
  if (json) process.stdout.write(`${JSON.stringify({ ...result, shards: options.out })}\n`)
  else printResult(result, options)
  return options.onBad === 'report' && result.bad.length > 0 ? EXIT.userFault : EXIT.done
}

function printResult({ images, classes, formats, odd, bad }: PrepareResult, { onBad, out }: PrepareOptions): void {
  const report = onBad === 'report'
  const kinds = Object.entries(formats).map(([format, count]) => [format, String(count)])
  process.stdout.write(`${textTable(['images', ''], kinds)}\n`)
  // A report lists everything: that is what it is for.
  const most = report ? Number.POSITIVE_INFINITY : MOST_LISTED
  const list = (title: string, lines: readonly string[]) => {
    if (lines.length === 0) return
    const rest = lines.length > most ? [`and ${lines.length - most} more, see ${out}/manifest.json`] : []
    const shown = [...lines.slice(0, most), ...rest].map((line) => `  ${line}\n`)
    process.stdout.write(`\n${title}\n${shown.join('')}`)
  }
  list(
    `${odd.length} odd, and good:`,
    odd.map(({ name, what }) => `${name}: ${what}`),
  )
  list(
    `${bad.length} bad${report ? '' : ', left out'}:`,
    bad.map(({ name, reason }) => `${name}: ${reason}`),
  )
  const totals = `${images.train} training and ${images.test} test images of ${classes} classes`
  process.stdout.write(`\n${totals}${report ? '; nothing was written' : ` are in ${out}`}\n`)
}

async function verify(shards: string, json: boolean): Promise<number> {
  const { verifyShards } = await import('../../data/datasets/verify-shards.ts')
  const display = new ProgressDisplay(process.stderr)
  const interruption = listenForInterrupts(display, 'ending.')
  const pace = new Pace(display)
  try {
    const { ended, images, faults } = await verifyShards(
      shards,
      ({ bytes, allBytes, faults }) => {
        const found = faults === 0 ? '' : `  ${faults} faults`
        pace.show(bytes, allBytes, null, (rate) => `${printBytes(bytes)} of ${printBytes(allBytes)}${found}  ${rate}`)
      },
      interruption.stop,
    )
    display.close()
    if (ended === 'interrupted') return interruptedCode()
    if (json) process.stdout.write(`${JSON.stringify({ shards, images, faults })}\n`)
    else if (faults.length === 0) process.stdout.write(`${images} images in ${shards}: every byte is as it was made\n`)
    if (faults.length === 0) return EXIT.done
    const lines = faults.map(({ file, image, what }) => `\n  ${file}${image === null ? '' : `, ${image}`}: ${what}`)
    throw new UserFault(
      `Expected shards as they were made for ${shards} but received ${faults.length} faults:${lines.join('')}`,
      'Copy these files again from where they are whole, or prepare the images again.',
    )
  } finally {
    display.close()
    interruption.dispose()
  }
}

/** Rate and time left, from what is done since the first call: a call that goes on begins with work done. */
class Pace {
  readonly #display: ProgressDisplay
  #start: { readonly at: number; readonly bytes: number; readonly images: number } | null = null
  #lineAt = performance.now()

  constructor(display: ProgressDisplay) {
    this.#display = display
  }

  show(bytes: number, allBytes: number, images: number | null, print: (rate: string) => string): void {
    const now = performance.now()
    this.#start ??= { at: now, bytes, images: images ?? 0 }
    const seconds = Math.max(1e-3, (now - this.#start.at) / 1000)
    const bytesPerSecond = (bytes - this.#start.bytes) / seconds
    const perSecond = images === null ? '' : `${Math.round((images - this.#start.images) / seconds)} images/s  `
    const left = bytesPerSecond > 0 ? printClock((allBytes - bytes) / bytesPerSecond) : '?'
    const text = print(`${perSecond}${printBytes(Math.max(0, bytesPerSecond))}/s  ${left} left`)
    if (process.stderr.isTTY) this.#display.status(text)
    else if (now - this.#lineAt >= LINE_SECONDS * 1000) {
      this.#lineAt = now
      this.#display.note(text)
    }
  }
}

function besideVerify(operands: readonly string[], options: Invocation['options']): ConfigFault[] {
  const others = [...operands, ...Object.keys(options).filter((key) => key !== 'verify' && key !== 'json')]
  if (others.length === 0) return []
  return [fault('nothing else', 'prepare --verify <shards>', others.join(', '), 'It reads shards and changes nothing.')]
}

const LIMITS = {
  validation: { flag: '--validation', what: 'a part from 0 to below 1', fits: (n: number) => n >= 0 && n < 1 },
  shortSide: { flag: '--short-side', what: 'pixels from 16 to 8192', fits: isWhole(16, 8192) },
  quality: { flag: '--quality', what: 'a JPEG quality from 1 to 100', fits: isWhole(1, 100) },
  input: { flag: '--input', what: 'pixels from 8 to 1024', fits: isWhole(8, 1024) },
  shardSize: { flag: '--shard-size', what: 'megabytes from 1 to 1024', fits: isWhole(1, 1024) },
  processes: { flag: '--processes', what: 'a whole number from 1 to 256', fits: isWhole(1, 256) },
} as const

function isWhole(least: number, most: number): (value: number) => boolean {
  return (value) => Number.isSafeInteger(value) && value >= least && value <= most
}

/** @throws UserFault that lists all that is wrong */
function readOptions(
  operands: readonly string[],
  options: Invocation['options'],
  otherFaults: readonly ConfigFault[],
): PrepareOptions {
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
  const [source = '', out = ''] = operands
  if (source === '' || out === '') {
    const received = operands.length === 0 ? 'neither' : `only ${source}`
    faults.push(
      fault('<source> and <shards>', 'prepare', received, 'native-ensemble prepare --help says what they are.'),
    )
  }
  const onBad = options['onBad'] ?? 'fail'
  if (onBad !== 'fail' && onBad !== 'skip' && onBad !== 'report') {
    const remedy = didYouMean(onBad, ['fail', 'skip', 'report'], 'Leave --on-bad out for fail.')
    faults.push(fault('fail, skip or report', '--on-bad', onBad, remedy))
  }
  const [shortSide, quality] = [number('shortSide'), number('quality')]
  if (options['shortSide'] === undefined && options['quality'] !== undefined) {
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
