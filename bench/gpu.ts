/**
 * `npm run bench:gpu [-- --minutes 5]`: all that is to be known of a GPU in the minutes that there are, what is worth most
 * first. Each part has a limit; its result is written as it comes.
 */
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { expected } from '../src/vocabulary/fault.ts'
import { findBaselines } from './baselines/baseline-catalogue.ts'
import { gpuName } from './gpu-parts.ts'
import { planGpu } from './gpu-plan.ts'
import { machineFacts } from './machine-facts.ts'
import { tellUsageFault } from './usage-fault.ts'
import { makeResultFolder, readResultOptions, writeResult } from './write-result.ts'

const HELP = `Usage: npm run bench:gpu [-- options], in a bundle ./benchmark gpu [options]

  --minutes <m>     when it ends (default: 20)
  --device <name>   gpu, or cpu: the same with small networks on XLA's CPU plugin, to try it (default: gpu)
  --python <path>   the interpreter that may have PyTorch and JAX (default: python3)
  --out <folder>    for gpu/<device>/<date> with report.md, run.jsonl and device-check.jsonl (default: results)
  --what <words>    what changed, for the folder's name
`
/** Kept of the time for the summary. */
const END_SECONDS = 4

interface Outcome {
  readonly name: string
  readonly seconds: number
  readonly [figure: string]: unknown
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '20' },
      device: { type: 'string', default: 'gpu' },
      python: { type: 'string', default: 'python3' },
      out: { type: 'string', default: 'results' },
      what: { type: 'string' },
      help: { type: 'boolean', default: false, short: 'h' },
    },
  })
  if (values.help) return console.log(HELP)
  const { device } = values
  if (device !== 'gpu' && device !== 'cpu') throw expected('gpu or cpu', '--device', device, HELP)
  const minutes = Number(values.minutes)
  if (!(minutes > 0)) throw expected('a number above 0', '--minutes', values.minutes, HELP)
  const kept = readResultOptions(values)
  const deadline = performance.now() + 60_000 * minutes - 1000 * END_SECONDS
  const left = () => (deadline - performance.now()) / 1000

  const folder = makeResultFolder(kept, { bench: 'gpu', subject: device === 'gpu' ? gpuName() : 'cpu' })
  const write = (line: object) => {
    appendFileSync(join(folder, 'run.jsonl'), `${JSON.stringify(line)}\n`)
    console.log(JSON.stringify(line).slice(0, 400))
  }
  const all = findBaselines(values.python, device).filter(({ name }) => name !== 'own' && name !== 'tfjs-node')
  const baselines = all.filter(({ absence }) => absence === null)
  write({ name: 'the machine', ...machineFacts({}), device, minutes })
  for (const { name, absence, remedy } of all) if (absence !== null) write({ absent: name, absence, remedy })

  const outcomes: Outcome[] = []
  for (const { name, limit, least, run } of planGpu({ device, baselines, out: folder })) {
    if (left() < least) {
      write({ left: name })
      continue
    }
    const begin = performance.now()
    const result = await run(Math.min(limit, left())).catch((error: Error) => ({ error: error.message.slice(0, 1500) }))
    const outcome = { name, ...result, seconds: (performance.now() - begin) / 1000 }
    outcomes.push(outcome)
    write(outcome)
  }
  const summary = outcomes.map(summarise).join('\n')
  const report = `# A GPU in ${minutes} minutes (${device})\n\n| part | images/s | ms a step | remark |\n|---|---|---|---|\n${summary}`
  console.log(`\n${summary}\n\n${writeResult(folder, report, null)}`)
  if (outcomes.every((outcome) => 'error' in outcome)) process.exitCode = 1
}

/** A row of the summary's table. */
function summarise(outcome: Outcome): string {
  const { name, error, images_per_second: speed, milliseconds_a_step: ms, gpu, compared, bad, remark } = outcome
  const number = (value: unknown, digits: number) => (typeof value === 'number' ? value.toFixed(digits) : '')
  const checked = compared === undefined ? '' : `${compared} compared, ${Array.isArray(bad) ? bad.length : 0} bad`
  const words = error ?? remark ?? (checked === '' ? JSON.stringify(gpu ?? '') : checked)
  return `| ${name} | ${number(speed, 0)} | ${number(ms, 3)} | ${String(words).replaceAll(/\s+/g, ' ').slice(0, 200)} |`
}

try {
  await main()
} catch (error) {
  tellUsageFault(error)
}
