import { makeConfig } from '../../config/make-config.ts'
import { describeForSummary, withChoices } from '../../data/datasets/describe-dataset.ts'
import { loadShards } from '../../data/datasets/load-shards.ts'
import { ProgressDisplay } from '../../report/progress.ts'
import type { InputBenchmark } from '../../studies/bench-input.ts'
import type { StepBenchmark } from '../../studies/bench-step.ts'
import type { Spread } from '../../studies/spread.ts'
import { allowedCores } from '../../vocabulary/allowed-cores.ts'
import { expected } from '../../vocabulary/fault.ts'
import { printBytes } from '../../vocabulary/print-bytes.ts'
import { EXIT } from '../failure.ts'
import { givenSettings } from '../given-settings.ts'
import { listenForInterrupts } from '../interrupt.ts'
import type { Invocation } from '../invocation.ts'
import { readWholeNumber } from '../read-option.ts'
import { interruptedCode } from '../signals.ts'
import { textTable } from '../text-table.ts'

const BATCH = 128
const IMAGE_SIZES = { from: 32, to: 1024 }
const MOST_THREADS = 256
const MOST_SECONDS = 3600
const MOST_ROUNDS = 1000
const MOST_IMAGES = 1_000_000

/** `bench input <shards>`. */
export async function benchInputCommand({ operands: [folder = ''], options }: Invocation): Promise<number> {
  const { threads, consume, batch, imageSize, seconds, rounds } = readInputOptions(options)
  const dataset = await loadShards('image-folder', folder)
  const description = withChoices(dataset.description, { inputStd: null, imageSize })
  const { benchInput } = await import('../../studies/bench-input.ts')
  return await measured(options, printInput, (stop, show) =>
    benchInput(
      { ...dataset, description },
      { threads, batch, rounds, seconds, consume, stop, onRound: (done) => show(`round ${done} of ${rounds}`) },
    ),
  )
}

/** `bench step <network>`. */
export async function benchStepCommand({ operands, options, faults }: Invocation): Promise<number> {
  const config = await makeConfig(null, { ...givenSettings(options), network: operands[0] }, faults)
  const seconds = readCount(options, 'seconds', '--seconds', 10, { from: 1, to: MOST_SECONDS })
  const rounds = readCount(options, 'rounds', '--rounds', 5, { from: 1, to: MOST_ROUNDS })
  const { benchStep } = await import('../../studies/bench-step.ts')
  return await measured(options, printStep, async (stop, show) =>
    benchStep(config, await describeForSummary(config), {
      ...{ seconds, rounds, stop },
      onRound: (done) => show(`round ${done} of ${rounds}`),
    }),
  )
}

/** Runs a benchmark that Ctrl-C ends, and prints what it gives. */
async function measured<Result extends object>(
  { json }: Invocation['options'],
  print: (result: Result) => string,
  run: (stop: AbortSignal, show: (text: string) => void) => Promise<Result | 'interrupted'>,
): Promise<number> {
  const display = new ProgressDisplay(process.stderr)
  const interruption = listenForInterrupts(display, 'ending the measurement; nothing of it is kept.')
  try {
    const result = await run(interruption.stop, (text) => display.status(text))
    display.close()
    if (result === 'interrupted') return interruptedCode()
    process.stdout.write(json === true ? `${JSON.stringify(result)}\n` : print(result))
    return EXIT.done
  } finally {
    display.close()
    interruption.dispose()
  }
}

/** @throws UserFault */
function readInputOptions(options: Invocation['options']) {
  const { threads, consume, imageSize } = options
  return {
    threads: threads === undefined ? doublings(allowedCores().length) : readThreads(threads),
    consume: consume === undefined ? null : readCount(options, 'consume', '--consume', 1, { from: 1, to: MOST_IMAGES }),
    batch: readCount(options, 'batch', '--batch', BATCH, { from: 1, to: MOST_IMAGES }),
    imageSize: imageSize === undefined ? null : readCount(options, 'imageSize', '--image-size', 0, IMAGE_SIZES),
    seconds: readCount(options, 'seconds', '--seconds', 3, { from: 1, to: MOST_SECONDS }),
    rounds: readCount(options, 'rounds', '--rounds', 3, { from: 1, to: MOST_ROUNDS }),
  }
}

/** 1, 2, 4, ... and `most` itself. */
function doublings(most: number): number[] {
  const counts: number[] = []
  for (let count = 1; count < most; count *= 2) counts.push(count)
  return [...counts, most]
}

/** @throws UserFault */
function readThreads(list: unknown): number[] {
  const counts = String(list)
    .split(',')
    .map((word) => (/^\d{1,3}$/.test(word.trim()) ? Number(word) : 0))
  if (counts.every((count) => count >= 1 && count <= MOST_THREADS)) return [...new Set(counts)]
  throw expected(
    `numbers from 1 to ${MOST_THREADS} with commas between`,
    '--threads',
    list,
    'Write --threads 1,2,4, say.',
  )
}

/** @throws UserFault */
function readCount(
  options: Invocation['options'],
  name: string,
  flag: string,
  standard: number,
  { from, to }: { readonly from: number; readonly to: number },
): number {
  const what = `a whole number from ${from} to ${to}`
  const value = readWholeNumber(options[name] ?? standard, flag, what)
  if (value < from || value > to) throw expected(what, flag, value, `Correct ${flag}, or leave it out.`)
  return value
}

function printInput(result: InputBenchmark): string {
  const { images, bytes, memory_bytes, input, batch, consume, figures } = result
  const rows = figures.map((one) => [
    String(one.threads),
    ...spread(one.images_per_second, 0),
    one.read_mb_per_second.toFixed(1),
    percent(one.threads_waiting),
    ...(one.step_waiting === null ? [] : [percent(one.step_waiting)]),
  ])
  const head = ['threads', 'images/s', 'min', 'max', 'MB/s read', 'threads wait %']
  const cached =
    bytes < memory_bytes / 2
      ? 'They fit into memory: after the first pass they come from there, not from the storage.'
      : 'They do not fit into memory with the rest: the storage is read in each pass.'
  return (
    `${images} training images, ${printBytes(bytes)}; crops of ${input.width} x ${input.height}, batches of ${batch}, ` +
    `medians of ${result.rounds} rounds. ${cached}\n\n` +
    `${textTable(consume === null ? head : [...head, 'step waits %'], rows)}\n\n` +
    'Threads wait: the part of their time in which they did not compute, for storage or a core' +
    `${consume === null ? '' : ' or as nothing more was wanted'}.\n` +
    `${consume === null ? '' : `Step waits: the part of its time that a step of ${consume} images/s waits for images.\n`}`
  )
}

function printStep(result: StepBenchmark): string {
  const { network, method, branches, batch, precision, replicas, devices, input, classes } = result
  const rows = [
    ['ms a step', ...spread(result.step_ms, 2)],
    ['images/s', ...spread(result.images_per_second, 0)],
  ]
  return (
    `${network}, ${method}, ${branches === 1 ? '1 branch' : `${branches} branches`}, batch ${batch} of ${input.width} x ` +
    `${input.height}, ${classes} classes, ${precision}, ${devices} (${replicas === 1 ? '1 replica' : `${replicas} replicas`})\n\n` +
    `${textTable(['', 'median', 'min', 'max'], rows)}\n\n` +
    `Rounds of ${result.steps_per_round} steps on random images in memory. The first step was done after ` +
    `${result.first_step_seconds.toFixed(1)} s, compilation included.\n` +
    `Peak memory of the process: ${printBytes(result.peak_memory_bytes)}` +
    `${result.executor === 'xla' ? ", without a GPU's own" : ''}.\n`
  )
}

const spread = ({ median, min, max }: Spread, digits: number) =>
  [median, min, max].map((value) => value.toFixed(digits))
const percent = (share: number) => (100 * share).toFixed(1)
