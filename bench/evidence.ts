/**
 * `npm run evidence -- --set fashion-10-percent --seeds 1,2,3`: trains every recipe of a set with every seed, one run after
 * the other. It can be stopped at any time and called again: what is finished is skipped, what was cut goes on.
 */
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { EXIT, reportFailure } from '../src/cli/failure.ts'
import { surviveStreams } from '../src/cli/streams.ts'
import { END_SIGNALS } from '../src/vocabulary/end-signals.ts'
import { expected, UserFault } from '../src/vocabulary/fault.ts'
import { commandFor, type EvidenceRequest, type PlannedEvidence, planEvidence } from './evidence-plan.ts'
import { publishEvidence } from './evidence-publish.ts'

const CLI = fileURLToPath(new URL('../src/cli/main.js', import.meta.url))

const USAGE = `npm run evidence -- --set <set> [options]
  --set <list>       fashion, fashion-10-percent, or any first part of recipes' names, with commas between
  --seeds <list>     seeds with commas between (default: 1,2,3)
  --only <list>      some of the set's recipes, such as vanilla,one (default: all)
  --runs <folder>    folder of the runs (default: runs/evidence)
  --list             print how far each run is, and train nothing
  --publish <folder> train nothing; put settings and metrics of all finished runs into the folder, with the tables
`

interface Order {
  readonly request: EvidenceRequest
  readonly list: boolean
  /** null = train. */
  readonly publish: string | null
}

/** @throws UserFault */
function readArguments(argv: readonly string[]): Order | 'help' {
  const { values } = parseStrictly(argv)
  if (values.help === true) return 'help'
  if (values.set === undefined) throw expected('a set of recipes', '--set', 'nothing', USAGE)
  const seeds = (values.seeds ?? '1,2,3').split(',').map(readSeed)
  const only = values.only?.split(',') ?? null
  const request = { sets: values.set.split(','), seeds, only, runs: values.runs ?? 'runs/evidence' }
  return { request, list: values.list === true, publish: values.publish ?? null }
}

function parseStrictly(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        set: { type: 'string' },
        seeds: { type: 'string' },
        only: { type: 'string' },
        runs: { type: 'string' },
        list: { type: 'boolean' },
        publish: { type: 'string' },
        help: { type: 'boolean' },
      },
    })
  } catch (error) {
    throw new UserFault(error instanceof Error ? error.message : String(error), USAGE, { cause: error })
  }
}

function readSeed(text: string): number {
  if (!/^\d{1,10}$/.test(text)) throw expected('whole numbers with commas between', '--seeds', text, 'Correct --seeds.')
  return Number(text)
}

function printPlan(runs: readonly PlannedEvidence[]): void {
  const words = { new: 'to do', stub: 'to do anew', cut: 'to go on', finished: 'finished' }
  for (const { out, state } of runs) process.stdout.write(`${words[state].padEnd(10)}  ${out}\n`)
}

/**
 * A run that fails does not keep the others from being trained; an interruption ends all.
 * @returns the last exit code that was not 0, or 0
 */
async function trainAll(request: EvidenceRequest): Promise<number> {
  const planned = await planEvidence(request)
  let failed: number = EXIT.done
  for (const [place, run] of planned.entries()) {
    if (run.state === 'finished') continue
    process.stdout.write(`${place + 1} of ${planned.length}: ${run.out}\n`)
    const { code, stopped } = await runCommand(await commandFor(run))
    if (stopped || code === EXIT.interrupted) return code
    if (code !== EXIT.done) failed = code
  }
  printPlan(await planEvidence(request))
  return failed
}

async function publish(request: EvidenceRequest, folder: string): Promise<void> {
  const planned = await planEvidence(request)
  const finished = planned.filter(({ state }) => state === 'finished')
  const files = await publishEvidence(finished, folder)
  process.stdout.write(`${finished.length} of ${planned.length} runs are finished\n${files.join('\n')}\n`)
}

/** A signal to this process ends the run in its own way: with a checkpoint. */
function runCommand(argv: readonly string[]): Promise<{ code: number; stopped: boolean }> {
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
  else if (order.list) printPlan(await planEvidence(order.request))
  else if (order.publish !== null) await publish(order.request, order.publish)
  else process.exitCode = await trainAll(order.request)
} catch (error) {
  process.exitCode = reportFailure(error, process.stderr)
}
