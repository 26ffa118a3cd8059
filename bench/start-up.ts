/**
 * `npm run bench:start-up`: time from the command `native-ensemble train` to the end of its first step, everything
 * built and the images on disk. Each run is a process of its own with a run folder of its own; rounds go through all cases
 * in turn. Builds to compare are folders of this package: `--builds .,../before`.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { UserFault } from '../src/vocabulary/fault.ts'
import { writeDrawnCifar100 } from './drawn-cifar100.ts'
import { loadAverage, type MachineFacts, machineFacts } from './machine-facts.ts'
import { readCount } from './read-count.ts'
import { quantile } from './step-report.ts'
import { tellUsageFault } from './usage-fault.ts'
import { makeResultFolder, readResultOptions, writeResult } from './write-result.ts'

const HELP = `Usage: npm run bench:start-up -- [options]

  --rounds <n>       runs of each case (default 5); one more before goes uncounted
  --networks <list>  (default resnet-32,resnet-110)
  --images <list>    of fashion-mnist, cifar10, cifar100 as \`fetch\` puts them, drawn-cifar100 = an archive of random
                     pixels of CIFAR-100's size (default drawn-cifar100)
  --precision <name> (default fp32)
  --builds <list>    folders of this package to compare, built (default this one)
  --out <folder>     for start-up/first-step/<date> (default results)
  --what <words>     what changed, for the folder's name`

/** Looks for the first step's line this often, milliseconds. */
const POLL_MS = 3
const LIMIT_MS = 5 * 60_000
const ROOT = fileURLToPath(new URL('../../', import.meta.url))
/** Targets of issue 4, milliseconds. */
const TARGETS: Readonly<Record<string, number>> = { 'resnet-32': 2000, 'resnet-110': 6000 }

interface Case {
  readonly build: string
  readonly network: string
  readonly images: string
  readonly ms: number[]
}

interface Figures {
  readonly build: string
  readonly network: string
  readonly images: string
  readonly n: number
  readonly medianMs: number
  readonly minMs: number
  readonly maxMs: number
  readonly targetMs: number | null
}

/** Milliseconds from the command to the line of the first step in metrics.jsonl. */
async function timeFirstStep({ build, network, images }: Case, precision: string, scratch: string): Promise<number> {
  const out = mkdtempSync(join(scratch, 'run-'))
  const drawn = images === 'drawn-cifar100' ? ['--dataset', 'cifar100', '--data', join(scratch, 'drawn')] : []
  const dataset = drawn.length > 0 ? drawn : ['--dataset', images]
  const run = ['train', '--network', network, '--precision', precision, ...dataset, '--out', out, '--log-every', '1']
  const begin = performance.now()
  const child = spawn(process.execPath, [join(build, 'dist/src/cli/main.js'), ...run], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const ended = once(child, 'close')
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  const metrics = join(out, 'metrics.jsonl')
  try {
    while ((statSync(metrics, { throwIfNoEntry: false })?.size ?? 0) === 0) {
      if (child.exitCode !== null) throw new UserFault(`Expected ${network} to train but received: ${said.trim()}`, '')
      if (performance.now() - begin > LIMIT_MS) throw new Error(`Expected a first step in ${LIMIT_MS / 1000} s`)
      await new Promise((wake) => setTimeout(wake, POLL_MS))
    }
    return performance.now() - begin
  } finally {
    child.kill('SIGKILL')
    await ended
    rmSync(out, { recursive: true })
  }
}

function figuresOf({ build, network, images, ms }: Case): Figures {
  const sorted = ms.toSorted((left, right) => left - right)
  const [minMs, medianMs, maxMs] = [0, 0.5, 1].map((share) => quantile(sorted, share)) as [number, number, number]
  return { build, network, images, n: ms.length, medianMs, minMs, maxMs, targetMs: TARGETS[network] ?? null }
}

interface Report {
  readonly date: string
  readonly precision: string
  readonly machine: MachineFacts
  readonly load: { readonly before: number; readonly after: number }
  readonly figures: readonly Figures[]
}

function printReport({ date, precision, machine, load, figures }: Report): string {
  const rows = figures.map(({ build, network, images, n, medianMs, minMs, maxMs, targetMs }) => {
    const target = targetMs === null ? '-' : `<= ${targetMs} (${medianMs <= targetMs ? 'reached' : 'missed'})`
    const times = [medianMs, minMs, maxMs].map((ms) => ms.toFixed(0)).join(' | ')
    return `| ${build} | ${network} | ${images} | ${times} | ${n} | ${target} |`
  })
  return [
    `# From the command to the end of the first step, ${date}`,
    `ONE with 3 branches, batch 128, ${precision}; milliseconds; one uncounted run of each before.`,
    `Machine: ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.system}, ` +
      `node ${machine.node}. Load average before ${load.before.toFixed(2)}, after ${load.after.toFixed(2)}.`,
    [
      '| build | network | images | median | min | max | n | target |',
      '|---|---|---|--:|--:|--:|--:|---|',
      ...rows,
    ].join('\n'),
  ].join('\n\n')
}

async function main(): Promise<void> {
  const text = { type: 'string' } as const
  const { values } = parseArgs({
    options: {
      rounds: { ...text, default: '5' },
      networks: { ...text, default: 'resnet-32,resnet-110' },
      images: { ...text, default: 'drawn-cifar100' },
      precision: { ...text, default: 'fp32' },
      builds: { ...text, default: ROOT },
      out: { ...text, default: 'results' },
      what: text,
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return console.log(HELP)
  const kept = readResultOptions(values)
  const rounds = readCount('--rounds', values.rounds, 'Correct it.')
  const cases = values.networks
    .split(',')
    .flatMap((network) =>
      values.images
        .split(',')
        .flatMap((images) =>
          values.builds.split(',').map((build): Case => ({ build: resolve(build), network, images, ms: [] })),
        ),
    )
  const before = loadAverage()
  const scratch = mkdtempSync(join(tmpdir(), 'start-up-'))
  try {
    if (cases.some(({ images }) => images === 'drawn-cifar100')) {
      console.log('drawing an archive of the size of CIFAR-100')
      mkdirSync(join(scratch, 'drawn'))
      await writeDrawnCifar100(join(scratch, 'drawn'))
    }
    for (let round = 0; round <= rounds; round++) {
      for (const one of cases) {
        const ms = await timeFirstStep(one, values.precision, scratch)
        // The first brings files and memory in.
        if (round > 0) one.ms.push(ms)
        console.log(`round ${round} of ${rounds}: ${one.network} ${one.images} ${ms.toFixed(0)} ms  ${one.build}`)
      }
    }
  } finally {
    rmSync(scratch, { recursive: true })
  }
  const single = new Set(cases.map(({ build }) => build)).size === 1
  const report: Report = {
    date: new Date().toISOString().slice(0, 10),
    precision: values.precision,
    machine: machineFacts({}),
    load: { before, after: loadAverage() },
    // A lone build is this one, and its path says nothing elsewhere.
    figures: cases.map(figuresOf).map((figures) => (single ? { ...figures, build: 'this' } : figures)),
  }
  const printed = printReport(report)
  console.log(`\n${printed}\n`)
  const folder = makeResultFolder(kept, { bench: 'start-up', subject: 'first-step' })
  console.log(writeResult(folder, printed, report))
}

try {
  await main()
} catch (error) {
  tellUsageFault(error)
}
