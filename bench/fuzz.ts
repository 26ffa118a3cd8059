/**
 * `npm run fuzz`: damages files of every format that is read and holds each reader to this: no crash, no hang, and what is
 * accepted is what was written (bench/fuzz/fuzz-target.ts says how). Ends with exit code 1 where something was found.
 */
import { parseArgs } from 'node:util'
import { UserFault } from '../src/vocabulary/fault.ts'
import { runTarget, type TargetResult } from './fuzz/run-target.ts'
import { FUZZ_TARGETS } from './fuzz/targets.ts'
import { machineFacts } from './machine-facts.ts'
import { readCount } from './read-count.ts'
import { tellUsageFault } from './usage-fault.ts'
import { makeResultFolder, type ResultOptions, readResultOptions, writeResult } from './write-result.ts'

const HELP = `Usage: npm run fuzz -- [targets] [options]

  targets           names, or beginnings of names (default all):
                    ${FUZZ_TARGETS.map(({ name }) => name).join(', ')}
  --mutations <n>   of each target (default 2000)
  --seed <n>        (default 1)
  --limit <ms>      for one case (default 10000)
  --out <folder>    e.g. results: for reliability/fuzz[-<targets>]/<date> (default: nothing is written)
  --what <words>    what changed, for the folder's name`
const REMEDY = 'npm run fuzz -- --help lists the options.'

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      mutations: { type: 'string', default: '2000' },
      seed: { type: 'string', default: '1' },
      limit: { type: 'string', default: '10000' },
      out: { type: 'string' },
      what: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    console.log(HELP)
    return
  }
  const mutations = readCount('--mutations', values.mutations, REMEDY)
  const [seed, limit] = [readCount('--seed', values.seed, REMEDY), readCount('--limit', values.limit, REMEDY)]
  const kept = values.out === undefined ? null : readResultOptions({ out: values.out, what: values.what })
  const results: TargetResult[] = []
  for (const name of chosenTargets(positionals)) {
    const result = await runTarget(name, seed, mutations, limit)
    results.push(result)
    console.log(printResult(result))
  }
  const found = results.reduce((sum, { findings }) => sum + findings.length, 0)
  console.log(`${results.length * mutations} mutations, ${found} findings`)
  if (kept !== null) keepResults(kept, ['fuzz', ...positionals].join('-'), seed, results)
  if (found > 0) process.exitCode = 1
}

function chosenTargets(wanted: readonly string[]): string[] {
  const names = FUZZ_TARGETS.map(({ name }) => name)
  const unknown = wanted.find((word) => !names.some((name) => name.startsWith(word)))
  if (unknown !== undefined) {
    throw new UserFault(`Expected one of ${names.join(', ')} for a target but received ${unknown}`, REMEDY)
  }
  return names.filter((name) => wanted.length === 0 || wanted.some((word) => name.startsWith(word)))
}

function printResult({ name, mutations, refused, accepted, seconds, slowestMs, findings }: TargetResult): string {
  const line = `${name}: ${mutations} mutations, ${refused} refused, ${accepted} read as they stand, ${findings.length} findings, ${seconds.toFixed(1)} s (slowest ${Math.round(slowestMs)} ms)`
  return [line, ...findings.map(({ number, damage, what }) => `  case ${number} (${damage}): ${what}`)].join('\n')
}

function keepResults(kept: ResultOptions, subject: string, seed: number, results: readonly TargetResult[]): void {
  const date = new Date().toISOString().slice(0, 10)
  const machine = machineFacts({})
  const rows = results.map(({ name, mutations, refused, accepted, findings, seconds, slowestMs }) =>
    [name, mutations, refused, accepted, findings.length, seconds.toFixed(1), Math.round(slowestMs)].join(' | '),
  )
  const head =
    '| target | mutations | refused | read as they stand | findings | seconds | slowest case, ms |\n|---|---|---|---|---|---|---|'
  const words = [
    `# Damaged files: \`npm run fuzz\`, ${date}`,
    `Seed ${seed}; ${machine.cpu}, Node ${machine.node}. A finding is a crash, a hang, a refusal without the file's name, or`,
    'contents that differ from what was written (formats without checksums: from what stands in the file).',
    `\n${head}\n${rows.map((row) => `| ${row} |`).join('\n')}`,
  ]
  const folder = makeResultFolder(kept, { bench: 'reliability', subject })
  console.log(writeResult(folder, words.join('\n'), { seed, machine, results }))
}

await main().catch(tellUsageFault)
