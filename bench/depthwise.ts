/**
 * `npm run bench:depthwise`: convolutions of single channels and their gradients here and in PyTorch, in both precisions. Rounds
 * go through all layers, and each layer through all modes in turn, so that a slow minute of the machine hits all alike.
 */
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { cpuExecutor } from '../src/engine/executors/cpu/cpu-executor.ts'
import { allowedCores } from '../src/vocabulary/allowed-cores.ts'
import { expected, UserFault } from '../src/vocabulary/fault.ts'
import { BaselineProcess } from './baselines/baseline-process.ts'
import { DEPTHWISE_LAYERS, type DepthwiseLayer, layerName } from './depthwise-layers.ts'
import { PASSES, type Pass, type PassTimes, timePasses } from './depthwise-passes.ts'
import { loadAverage, machineFacts } from './machine-facts.ts'
import { readCount } from './read-count.ts'
import { tellUsageFault } from './usage-fault.ts'
import { makeResultFolder, readResultOptions, writeResult } from './write-result.ts'

const HELP = `Usage: npm run bench:depthwise -- [options]

  --rounds <n>       rounds through all layers and modes (default 5)
  --runs <n>         counted runs of a layer in a round (default 5)
  --layers <list>    numbers of layers, the first being 1 (default: all; the report numbers them)
  --batch <n>        (default 32)
  --threads <n>      (default: all cores)
  --python <path>    Python that has PyTorch (default python3)
  --out <folder>     for depthwise/mobilenet-v2/<date> (default results)
  --what <words>     what changed, for the folder's name
docs/baselines.md says how PyTorch is installed.`

const REMEDY = 'npm run bench:depthwise -- --help'
const PEER = fileURLToPath(new URL('../../bench/baselines/depthwise_baseline.py', import.meta.url))
/** Ours, and PyTorch's modes of the same precision. */
const PRECISIONS = [
  { name: 'fp32', dtype: 'f32', baselines: ['fp32', 'fp32-channels-last'] },
  { name: 'bf16', dtype: 'bf16', baselines: ['bf16', 'bf16-channels-last'] },
] as const

/** All runs of one pass of a layer in one mode. */
interface Figure {
  readonly layer: DepthwiseLayer
  readonly pass: Pass
  readonly mode: string
  readonly ms: number[]
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other)
  const place = (sorted.length - 1) * share
  const [low = Number.NaN, high = low] = [sorted[Math.floor(place)], sorted[Math.ceil(place)]]
  return low + (high - low) * (place - Math.floor(place))
}

const median = (values: readonly number[]) => quantile(values, 0.5)
/** Distance between the quartiles over the median. */
const spread = (values: readonly number[]) => (quantile(values, 0.75) - quantile(values, 0.25)) / median(values)

class Figures {
  readonly list: Figure[] = []

  find(layer: DepthwiseLayer, pass: Pass, mode: string): Figure {
    const known = this.list.find((other) => other.layer === layer && other.pass === pass && other.mode === mode)
    if (known !== undefined) return known
    const made = { layer, pass, mode, ms: [] }
    this.list.push(made)
    return made
  }

  add(layer: DepthwiseLayer, mode: string, times: PassTimes): void {
    for (const pass of PASSES) this.find(layer, pass, mode).ms.push(...times[pass])
  }
}

const least = (values: readonly number[]) => Math.min(...values)

/** A row for each layer and pass: medians, and PyTorch's faster mode over ours, by medians and by the fastest runs. */
function table(
  figures: Figures,
  layers: readonly DepthwiseLayer[],
  { name, baselines }: (typeof PRECISIONS)[number],
): { text: string; ratios: number[] } {
  const ratios: number[] = []
  const rows = layers.flatMap((layer) =>
    PASSES.map((pass) => {
      const own = figures.find(layer, pass, `own ${name}`).ms
      const others = baselines.map((mode) => figures.find(layer, pass, `torch ${mode}`).ms)
      const ratioOf = (figure: (values: readonly number[]) => number) => least(others.map(figure)) / figure(own)
      ratios.push(ratioOf(median))
      const cells = [own, ...others].map((ms) => `${median(ms).toFixed(2)} (${(100 * spread(ms)).toFixed(0)} %)`)
      return `| ${DEPTHWISE_LAYERS.indexOf(layer) + 1}: ${layerName(layer)} | ${pass} | ${cells.join(' | ')} | ${ratioOf(median).toFixed(2)} | ${ratioOf(least).toFixed(2)} |`
    }),
  )
  const header = `| layer | pass | own ${name} | ${baselines.map((mode) => `PyTorch ${mode}`).join(' | ')} | ratio | of the fastest |`
  return { text: [header, '|---|---|---|---|---|---|---|', ...rows].join('\n'), ratios }
}

/** @throws UserFault for a number that is none's */
function chooseLayers(list: string | undefined): readonly DepthwiseLayer[] {
  if (list === undefined) return DEPTHWISE_LAYERS
  return list.split(',').map((text) => {
    const layer = DEPTHWISE_LAYERS[readCount('--layers', text, REMEDY) - 1]
    if (layer !== undefined) return layer
    throw expected(`numbers up to ${DEPTHWISE_LAYERS.length}`, '--layers', text, REMEDY)
  })
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '5' },
      runs: { type: 'string', default: '5' },
      layers: { type: 'string' },
      batch: { type: 'string', default: '32' },
      threads: { type: 'string', default: `${allowedCores().length}` },
      python: { type: 'string', default: 'python3' },
      out: { type: 'string', default: 'results' },
      what: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) return console.log(HELP)
  const count = (name: 'rounds' | 'runs' | 'batch' | 'threads') => readCount(`--${name}`, values[name], REMEDY)
  const [rounds, runs, batch, threads] = [count('rounds'), count('runs'), count('batch'), count('threads')]
  const layers = chooseLayers(values.layers)
  const kept = readResultOptions(values)
  const cores = allowedCores().slice(0, threads)
  const executor = cpuExecutor()
  const baseline = new BaselineProcess([values.python, PEER, '--batch', `${batch}`, '--threads', `${threads}`])
  try {
    const { versions } = await baseline.modes().catch((error: Error) => {
      throw new UserFault(
        `Expected PyTorch in ${values.python} but received: ${error.message}`,
        'See docs/baselines.md.',
      )
    })
    const before = loadAverage()
    const figures = new Figures()
    for (let round = 1; round <= rounds; round++) {
      for (const layer of layers) {
        for (const { name, dtype, baselines } of PRECISIONS) {
          figures.add(layer, `own ${name}`, timePasses(executor, { layer, dtype, batch, cores, runs }))
          for (const mode of baselines) figures.add(layer, `torch ${mode}`, await baseline.layer(mode, layer, runs))
        }
      }
      console.log(`round ${round} of ${rounds}`)
    }
    const { version, instructionSet } = executor.machine
    const machine = machineFacts({ ...versions, onednn: version, instructionSet, node: process.versions.node })
    const tables = PRECISIONS.map((precision) => ({ name: precision.name, ...table(figures, layers, precision) }))
    const report = [
      `# Convolutions of single channels, ${new Date().toISOString().slice(0, 10)}`,
      `Batch ${batch}, ${threads} threads; ${rounds} rounds of ${runs} runs of each layer through all modes in turn.`,
      `Machine: ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.system}; ${machine.instructions.join(' ')}.`,
      `Versions: ${Object.entries(machine.libraries)
        .map(([name, text]) => `${name} ${text}`)
        .join(', ')}. Load average before ${before.toFixed(2)}, after ${loadAverage().toFixed(2)}.`,
      'Median milliseconds (distance between the quartiles over the median); input and filter are the gradients; ratio = ' +
        "median of PyTorch's faster mode over ours, more than 1 where ours is faster; then the same of the fastest runs, " +
        'which other programs on the machine disturb least.',
      ...tables.flatMap(({ name, text, ratios }) => [
        `## ${name}`,
        text,
        `Ratio: median ${median(ratios).toFixed(2)}, least ${Math.min(...ratios).toFixed(2)}, ` +
          `at least 1 in ${ratios.filter((ratio) => ratio >= 1).length} of ${ratios.length}.`,
      ]),
    ].join('\n\n')
    console.log(`\n${report}\n`)
    const folder = makeResultFolder(kept, { bench: 'depthwise', subject: 'mobilenet-v2' })
    console.log(writeResult(folder, report, { batch, threads, rounds, runs, machine, figures: figures.list }))
  } finally {
    await baseline.stop()
  }
}

try {
  await main()
} catch (error) {
  tellUsageFault(error)
}
