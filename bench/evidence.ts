/**
 * `npm run evidence -- --set cifar100`: trains the runs of a set, one after the other. It can be stopped at any time and called again: what is finished is skipped, what was cut goes on.
 */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { EXIT, reportFailure } from '../src/cli/failure.ts'
import { surviveStreams } from '../src/cli/streams.ts'
import { textTable } from '../src/cli/text-table.ts'
import { END_SIGNALS } from '../src/vocabulary/end-signals.ts'
import { expected, UserFault } from '../src/vocabulary/fault.ts'
import { commandFor, type GivenToRuns, type PlannedEvidence, planEvidence } from './evidence-plan.ts'
import { publishEvidence } from './evidence-publish.ts'
import { type EvidenceJob, evidenceJobs } from './evidence-sets.ts'
import { tellProgress, tellState } from './evidence-words.ts'

const CLI = fileURLToPath(new URL('../src/cli/main.js', import.meta.url))

const USAGE = `npm run evidence -- --set <set> [options]
  --set <list>       cifar100, fashion, fashion-10-percent, or any first part of recipes' names, with commas between
  --seeds <list>     seeds with commas between, for all runs (default: the set's; 1,2,3)
  --only <list>      runs whose names hold one of these, such as vanilla,one-scale (default: all; names: --list)
  --runs <list>      folders where runs are looked for, with commas between; new ones go into the first (default:
                     runs/evidence)
  --data <folder>    the images (default: where fetch puts them)
  --devices <list>   of new runs, such as gpu; only runs of such an executor then count (default: cpu, any count)
  --precision <name> of new runs, fp32 or bf16; only runs of this precision then count (default: the recipe's, any count)
  --list             print how far each run is, and train nothing
  --publish <folder> train nothing; put settings and metrics of all finished runs into the folder, with the tables
`

interface Order {
  readonly jobs: readonly EvidenceJob[]
  readonly runs: readonly string[]
  readonly given: GivenToRuns
  readonly list: boolean
  /** null = train. */
  readonly publish: string | null
}

/** @throws UserFault */
function readArguments(argv: readonly string[]): Order | 'help' {
  const { values } = parseStrictly(argv)
  if (values.help === true) return 'help'
  if (values.set === undefined) throw expected('a set of recipes', '--set', 'nothing', USAGE)
  const { data, devices, precision } = values
  return {
    jobs: evidenceJobs(values.set.split(','), values.seeds?.split(',').map(readSeed) ?? null, wordsOf(values.only)),
    runs: wordsOf(values.runs) ?? ['runs/evidence'],
    given: { data, devices, precision },
    list: values.list === true,
    publish: values.publish ?? null,
  }
}

function parseStrictly(argv: readonly string[]) {
  const text = { type: 'string' } as const
  const flag = { type: 'boolean' } as const
  try {
    return parseArgs({
      args: [...argv],
      options: {
        ...{
          set: text,
          seeds: text,
          only: text,
          runs: text,
          data: text,
          devices: text,
          precision: text,
          publish: text,
        },
        ...{ list: flag, help: flag },
      },
    })
  } catch (error) {
    throw new UserFault(error instanceof Error ? error.message : String(error), USAGE, { cause: error })
  }
}

function wordsOf(list: string | undefined): string[] | null {
  const words = list?.split(',').filter((word) => word !== '') ?? []
  return words.length === 0 ? null : words
}

function readSeed(text: string): number {
  if (!/^\d{1,10}$/.test(text)) throw expected('whole numbers with commas between', '--seeds', text, 'Correct --seeds.')
  return Number(text)
}

function printPlan(planned: readonly PlannedEvidence[]): void {
  const rows = planned.map((evidence) => [evidence.name, tellState(evidence), tellProgress(evidence), evidence.out])
  process.stdout.write(`${textTable(['run', 'state', 'so far', 'folder'], rows)}\n`)
  const done = planned.filter(({ state }) => state === 'finished').length
  process.stdout.write(`${done} of ${planned.length} finished\n`)
}

/**
 * A run that fails does not keep the others from being trained; an interruption ends all.
 * @returns the last exit code that was not 0, or 0
 */
async function trainAll({ jobs, runs, given }: Order): Promise<number> {
  const planned = await planEvidence(jobs, runs, given)
  let failed: number = EXIT.done
  for (const [place, evidence] of planned.entries()) {
    if (evidence.state === 'finished') continue
    process.stdout.write(`${place + 1} of ${planned.length}: ${evidence.name}\n`)
    const { code, stopped } = await bringToItsEnd(evidence)
    if (stopped || code === EXIT.interrupted) return code
    if (code !== EXIT.done) failed = code
  }
  printPlan(await planEvidence(jobs, runs, given))
  return failed
}

interface RunEnd {
  readonly code: number
  /** Whether it was asked to end. */
  readonly stopped: boolean
}

async function bringToItsEnd(evidence: PlannedEvidence): Promise<RunEnd> {
  let command: string[]
  try {
    command = commandFor(evidence)
  } catch (error) {
    return { code: reportFailure(error, process.stderr), stopped: false }
  }
  return await runCommand(command)
}

async function publish({ jobs, runs, given }: Order, folder: string): Promise<void> {
  const planned = await planEvidence(jobs, runs, given)
  const finished = planned.filter(({ state }) => state === 'finished')
  const files = await publishEvidence(finished, folder)
  process.stdout.write(`${finished.length} of ${planned.length} runs are finished\n${files.join('\n')}\n`)
}

/** A signal to this process ends the run in its own way: with a checkpoint. */
function runCommand(argv: readonly string[]): Promise<RunEnd> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [CLI, ...argv], { stdio: 'inherit' })
    let stopped = false
    const pass = (signal: NodeJS.Signals) => {
      stopped = true
      // From a terminal Ctrl-C reaches the child by itself; only its end is waited for.
      if (signal !== 'SIGINT') child.kill(signal)
    }
    for (const signal of END_SIGNALS) process.on(signal, pass)
    child.on('error', reject)
    child.on('close', (code) => {
      for (const signal of END_SIGNALS) process.off(signal, pass)
      resolve({ code: code ?? EXIT.interrupted, stopped })
    })
  })
}

surviveStreams()
try {
  const order = readArguments(process.argv.slice(2))
  if (order === 'help') process.stdout.write(USAGE)
  else if (order.list) printPlan(await planEvidence(order.jobs, order.runs, order.given))
  else if (order.publish !== null) await publish(order, order.publish)
  else process.exitCode = await trainAll(order)
} catch (error) {
  process.exitCode = reportFailure(error, process.stderr)
}
