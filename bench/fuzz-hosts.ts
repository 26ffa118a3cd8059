/**
 * `npm run fuzz:hosts`: damaged messages for every port of a run on several hosts. The coordinator's port is that of a real
 * leader, whose real hosts must then train to the weights of an undisturbed run. Ends with exit code 1 where something was found.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual, parseArgs } from 'node:util'
import {
  type FuzzPlan,
  type FuzzResult,
  fuzzBeforeHello,
  fuzzHandshakes,
  fuzzStore,
  fuzzToFollower,
  fuzzToLeader,
} from '../test/hosts/message-fuzz.ts'
import { readRun } from '../test/trainer/read-run.ts'
import { type CliProcess, TRAIN_TINY } from '../test/trainer/run-cli.ts'
import { freePort, startHost } from '../test/trainer/start-hosts.ts'
import { machineFacts } from './machine-facts.ts'
import { readCount } from './read-count.ts'
import { tellUsageFault } from './usage-fault.ts'
import { makeResultFolder, type ResultOptions, readResultOptions, writeResult } from './write-result.ts'

const HELP = `Usage: npm run fuzz:hosts -- [options]

  --mutations <n>   of each kind of messages (default 2000)
  --seed <n>        (default 1)
  --out <folder>    e.g. results: for reliability/fuzz-hosts/<date> (default: nothing is written)
  --what <words>    what changed, for the folder's name`
const REMEDY = 'npm run fuzz:hosts -- --help lists the options.'
const SECRET = 'a secret of the fuzz run'
const STEPS = 6

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      mutations: { type: 'string', default: '2000' },
      seed: { type: 'string', default: '1' },
      out: { type: 'string' },
      what: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    console.log(HELP)
    return
  }
  const kept = values.out === undefined ? null : readResultOptions({ out: values.out, what: values.what })
  const mutations = readCount('--mutations', values.mutations, REMEDY)
  const plan = { seed: readCount('--seed', values.seed, REMEDY), mutations }
  const results = [await fuzzRealLeader(plan), await timed(() => fuzzToLeader(plan))].flat()
  results.push(await timed(() => fuzzToFollower(plan)), await timed(() => fuzzStore(plan)))
  for (const result of results) console.log(printResult(result))
  const found = results.reduce((sum, { findings }) => sum + findings.length, 0)
  console.log(`${results.length * mutations} mutations, ${found} findings`)
  if (kept !== null) keepResults(kept, plan, results)
  if (found > 0) process.exitCode = 1
}

type TimedResult = FuzzResult & { readonly seconds: number }

async function timed(fuzz: () => Promise<FuzzResult>): Promise<TimedResult> {
  const began = performance.now()
  return { ...(await fuzz()), seconds: (performance.now() - began) / 1000 }
}

/** Strangers and holders of the key at a leader's port, then its run to the end. */
async function fuzzRealLeader(plan: FuzzPlan): Promise<TimedResult[]> {
  const cwd = mkdtempSync(join(tmpdir(), 'fuzz-hosts-'))
  try {
    const start = (rank: number, port: number, out: string) =>
      startHost([...TRAIN_TINY, '--steps', `${STEPS}`, '--out', out], { rank, hosts: 2, port }, { cwd, env: HOST_ENV })
    const port = await freePort()
    const leader = start(0, port, 'attacked')
    await leader.said('Waiting for 1 other host')
    const strangers = await timed(() => fuzzHandshakes(port, plan))
    const holders = await timed(() => fuzzBeforeHello(port, Buffer.from(SECRET), plan))
    const attacked = await failuresOf([leader, start(1, port, 'attacked')])
    const quiet = await freePort()
    const undisturbed = await failuresOf([start(0, quiet, 'undisturbed'), start(1, quiet, 'undisturbed')])
    const failures = [...attacked, ...undisturbed]
    if (failures.length === 0) {
      const [left, right] = [
        await readRun(join(cwd, 'attacked'), STEPS),
        await readRun(join(cwd, 'undisturbed'), STEPS),
      ]
      if (!isDeepStrictEqual(left, right)) failures.push('the run ended with other weights than an undisturbed one')
    }
    return [strangers, { ...holders, findings: [...holders.findings, ...failures] }]
  } finally {
    rmSync(cwd, { recursive: true, force: true })
  }
}

const HOST_ENV = { NATIVE_ENSEMBLE_CLUSTER_KEY: SECRET, NATIVE_ENSEMBLE_HOST_TIMEOUT: '3600' }

async function failuresOf(hosts: readonly CliProcess[]): Promise<string[]> {
  const ends = await Promise.all(hosts.map(({ ended }) => ended))
  return ends.flatMap(({ code, stderr }, rank) => (code === 0 ? [] : [`host ${rank} ended with ${code}: ${stderr}`]))
}

function printResult({ name, mutations, findings, seconds, slowestMs }: TimedResult): string {
  const line = `${name}: ${mutations} mutations, ${findings.length} findings, ${seconds.toFixed(1)} s (slowest ${Math.round(slowestMs)} ms)`
  return [line, ...findings.map((finding) => `  ${finding}`)].join('\n')
}

function keepResults(kept: ResultOptions, { seed }: FuzzPlan, results: readonly TimedResult[]): void {
  const date = new Date().toISOString().slice(0, 10)
  const machine = machineFacts({})
  const rows = results.map(({ name, mutations, findings, seconds, slowestMs }) =>
    [name, mutations, findings.length, seconds.toFixed(1), Math.round(slowestMs)].join(' | '),
  )
  const words = [
    `# Damaged messages at the ports of several hosts: \`npm run fuzz:hosts\`, ${date}`,
    `Seed ${seed}; ${machine.cpu}, Node ${machine.node}; 16 connections at a time, loopback. A finding is a process that ends, a`,
    'connection that is not ended within 30 s, an error that is no fault in words, or a run of the real hosts that ends with other',
    'weights than an undisturbed one. `handshake` (strangers) and `before hello` (holders of the key) spoke to a real leader.',
    `\n| messages | mutations | findings | seconds | slowest, ms |\n|---|---|---|---|---|\n${rows.map((row) => `| ${row} |`).join('\n')}`,
  ]
  const folder = makeResultFolder(kept, { bench: 'reliability', subject: 'fuzz-hosts' })
  console.log(writeResult(folder, words.join('\n'), { seed, machine, results }))
}

await main().catch(tellUsageFault)
