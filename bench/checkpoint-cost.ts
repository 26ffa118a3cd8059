/**
 * `npm run bench:checkpoints`: what a checkpoint that is written while training goes on costs. One run of the command line a
 * network saves every so many steps; the steps behind each checkpoint, in which it is written, are compared with as many
 * behind them, in which nothing is: so both are measured in turn within one process. Before it, what one checkpoint asks of the
 * processor and how long its copy takes: on a machine that others use too that bounds the cost where times of steps do not.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { readMetrics } from '../src/report/metrics.ts'
import { expected } from '../src/vocabulary/fault.ts'
import { type CheckpointCost, costOf, type PairOfWindows, printCosts } from './checkpoint-cost-report.ts'
import { type CheckpointWork, measureWork } from './checkpoint-work.ts'
import { writeDrawnCifar100 } from './drawn-cifar100.ts'
import { loadAverage, machineFacts } from './machine-facts.ts'
import { readCount } from './read-count.ts'
import { tellUsageFault } from './usage-fault.ts'
import { makeResultFolder, readResultOptions, writeResult } from './write-result.ts'

const HELP = `Usage: npm run bench:checkpoints -- [options]

  --networks <list>  to train (default resnet-32; none = only count the work)
  --states <list>    whose state is saved without training (default resnet-32,resnet-110)
  --saves <n>        checkpoints of each of these states (default 15)
  --batch <images>   (default 128)
  --window <steps>   steps in which a checkpoint is written, and as many without one (default 15)
  --pairs <n>        pairs of such windows a network (default 40)
  --out <folder>     for reliability/checkpoints/<date> (default results)
  --what <words>     what changed, for the folder's name`

const CLI = fileURLToPath(new URL('../src/cli/main.js', import.meta.url))
const TRAINING_IMAGES = 50_000

interface Case {
  readonly network: string
  readonly batch: number
  readonly window: number
  readonly pairs: number
}

async function measure({ network, batch, window, pairs }: Case, scratch: string): Promise<CheckpointCost> {
  const out = join(scratch, network)
  const every = 2 * window
  const perEpoch = Math.floor(TRAINING_IMAGES / batch)
  // The first window has no checkpoint before it, and the end of an epoch has one of another kind.
  const epochs = Math.ceil((every * (pairs + 1)) / (perEpoch - every))
  const steps = every * (pairs + epochs + 1)
  const settings = [
    '--network',
    network,
    '--batch',
    `${batch}`,
    '--dataset',
    'cifar100',
    '--data',
    join(scratch, 'drawn'),
  ]
  const often = [
    '--checkpoint-steps',
    `${every}`,
    '--checkpoint-minutes',
    '0',
    '--keep',
    '1',
    '--evaluate-every',
    '1000',
  ]
  const argv = ['train', ...settings, ...often, '--steps', `${steps}`, '--log-every', '1', '--out', out]
  const { status, stderr } = spawnSync(process.execPath, [CLI, ...argv], { encoding: 'utf8', maxBuffer: 2 ** 28 })
  if (status !== 0) throw expected('a run that ends well', network, stderr.slice(-2000), 'Correct the options.')
  const lines = (await readMetrics(join(out, 'metrics.jsonl'))).filter((line) => line.kind === 'step')
  const ms = lines.map((line) => (1000 * batch) / line.images_per_second)
  const measured: PairOfWindows[] = []
  for (let begin = every; begin + every <= steps && measured.length < pairs; begin += every) {
    const crossesEnd = Math.floor(begin / perEpoch) !== Math.floor((begin + every) / perEpoch) || begin % perEpoch === 0
    if (crossesEnd) continue
    measured.push({ writing: ms.slice(begin, begin + window), quiet: ms.slice(begin + window, begin + every) })
  }
  const bytes = checkpointSize(join(out, 'checkpoints'))
  rmSync(out, { recursive: true })
  return costOf(network, batch, bytes, measured)
}

function checkpointSize(folder: string): number {
  const [first = ''] = readdirSync(folder)
  const files = readdirSync(join(folder, first))
  return files.reduce((sum, name) => sum + statSync(join(folder, first, name)).size, 0)
}

async function main(): Promise<void> {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    options: {
      networks: { ...text, default: 'resnet-32' },
      states: { ...text, default: 'resnet-32,resnet-110' },
      saves: { ...text, default: '15' },
      batch: { ...text, default: '128' },
      window: { ...text, default: '15' },
      pairs: { ...text, default: '40' },
      out: { ...text, default: 'results' },
      what: text,
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return console.log(HELP)
  const kept = readResultOptions(values)
  const count = (name: 'batch' | 'window' | 'pairs' | 'saves') => readCount(`--${name}`, values[name], 'Correct it.')
  const [batch, window, pairs] = [count('batch'), count('window'), count('pairs')]
  const before = loadAverage()
  const work: CheckpointWork[] = []
  for (const network of values.states.split(',')) {
    console.log(`saving the state of ${network}`)
    work.push(await measureWork(network, count('saves')))
  }
  const scratch = mkdtempSync(join(tmpdir(), 'checkpoint-cost-'))
  const costs: CheckpointCost[] = []
  try {
    const networks = values.networks === 'none' ? [] : values.networks.split(',')
    if (networks.length > 0) {
      console.log('drawing an archive of the size of CIFAR-100')
      mkdirSync(join(scratch, 'drawn'))
      await writeDrawnCifar100(join(scratch, 'drawn'))
    }
    for (const network of networks) {
      console.log(`training ${network}, ${2 * window * pairs} steps and more`)
      costs.push(await measure({ network, batch, window, pairs }, scratch))
    }
  } finally {
    rmSync(scratch, { recursive: true })
  }
  const report = {
    date: new Date().toISOString().slice(0, 10),
    window,
    machine: machineFacts({ native: readVersion() }),
    load: { before, after: loadAverage() },
    work,
    costs,
  }
  const printed = printCosts(report)
  console.log(`\n${printed}\n`)
  const folder = makeResultFolder(kept, { bench: 'reliability', subject: 'checkpoints' })
  console.log(writeResult(folder, printed, report))
}

function readVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest ? String(manifest.version) : ''
}

try {
  await main()
} catch (error) {
  tellUsageFault(error)
}
