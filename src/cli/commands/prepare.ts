import { prepareImages, shardOptions, verifyShards } from '../../api/prepare.ts'
import { type ConfigFault, fault, refuseFaults } from '../../config/config-fault.ts'
import type { PrepareResult } from '../../data/datasets/prepare/prepare-shards.ts'
import { ProgressDisplay, printClock } from '../../report/progress.ts'
import { UserFault } from '../../vocabulary/fault.ts'
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
  const [source, out] = operands
  return await prepare(shardOptions({ ...options, source, out }, faults), json)
}

/** Packs, with its progress on stderr; null where it was interrupted, which is said. */
export async function prepareShown(options: ReturnType<typeof shardOptions>): Promise<PrepareResult | null> {
  const display = new ProgressDisplay(process.stderr)
  const interruption = listenForInterrupts(display, 'what is finished is kept.')
  const pace = new Pace(display)
  let result: PrepareResult
  try {
    display.note(`Listing the images of ${options.source}`)
    result = await prepareImages(
      {
        signal: interruption.stop,
        onProgress: ({ images, allImages, bytes, allBytes, bad }) => {
          const found = bad === 0 ? '' : `  ${bad} bad`
          pace.show(bytes, allBytes, images, (rate) => `${images} of ${allImages} images${found}  ${rate}`)
        },
        onNote: (words) => display.note(words),
      },
      options,
    )
  } finally {
    display.close()
    interruption.dispose()
  }
  if (result.ended === 'interrupted') {
    process.stderr.write('Stopped. The same command goes on from here.\n')
    return null
  }
  for (const notice of result.notices) process.stderr.write(`${notice}\n`)
  return result
}

async function prepare(options: ReturnType<typeof shardOptions>, json: boolean): Promise<number> {
  const result = await prepareShown(options)
  if (result === null) return interruptedCode()
  if (json) process.stdout.write(`${JSON.stringify({ ...result, shards: options.out })}\n`)
  else printResult(result, options)
  return options.onBad === 'report' && result.bad.length > 0 ? EXIT.userFault : EXIT.done
}

function printResult(
  { images, classes, formats, odd, bad }: PrepareResult,
  { onBad, out }: ReturnType<typeof shardOptions>,
): void {
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
  const display = new ProgressDisplay(process.stderr)
  const interruption = listenForInterrupts(display, 'ending.')
  const pace = new Pace(display)
  try {
    const { ended, images, faults } = await verifyShards(shards, {
      signal: interruption.stop,
      onProgress: ({ bytes, allBytes, faults }) => {
        const found = faults === 0 ? '' : `  ${faults} faults`
        pace.show(bytes, allBytes, null, (rate) => `${printBytes(bytes)} of ${printBytes(allBytes)}${found}  ${rate}`)
      },
    })
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
