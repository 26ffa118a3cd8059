/**
 * `npm run check:device [-- gpu --out check.jsonl --seconds 120]`: a step of ONE, then every operation and its gradient, on
 * a device of XLA against oneDNN on the CPU. Writes a line of JSON for each as it goes; one that ends the process is named,
 * and the check goes on behind it. Ends with exit code 1 where anything failed or is too far away.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { XlaPlatform } from '../src/engine/executors/xla/find-plugin.ts'
import { expected } from '../src/vocabulary/fault.ts'
import { AttemptLog, killers, type LogLine, readLog } from './attempt-log.ts'
import { tryAll } from './device-cases.ts'
import { tellUsageFault } from './usage-fault.ts'

/** Processes that die before the check is given up. */
const DEATHS = 5

interface Settings {
  readonly platform: XlaPlatform
  readonly out: string | undefined
  readonly seconds: number
  readonly stride: number
  /** This process does the work; else it starts the one that does. */
  readonly work: boolean
}

/** @throws UserFault for a word that is no platform, or a number that is none */
function readSettings(): Settings {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      out: { type: 'string' },
      seconds: { type: 'string', default: '3600' },
      stride: { type: 'string', default: '1' },
      work: { type: 'boolean', default: false },
    },
  })
  const [word = 'cpu', ...more] = positionals
  if ((word !== 'cpu' && word !== 'gpu') || more.length > 0) {
    throw expected('cpu or gpu', 'the device', positionals.join(' '), 'Correct it: npm run check:device -- gpu')
  }
  const count = (name: 'seconds' | 'stride') => {
    const value = Number(values[name])
    if (Number.isSafeInteger(value) && value > 0) return value
    throw expected('a whole number from 1', `--${name}`, values[name], 'Correct it, or leave it out.')
  }
  return { platform: word, out: values.out, seconds: count('seconds'), stride: count('stride'), work: values.work }
}

/** Lets processes do the work, each behind what ended the one before. */
async function supervise({ platform, out, seconds, stride }: Settings): Promise<boolean> {
  const folder = out === undefined ? mkdtempSync(join(tmpdir(), 'device-check-')) : null
  const file = out ?? join(folder ?? '', 'check.jsonl')
  const begin = performance.now()
  try {
    for (let death = 0; death < DEATHS; death++) {
      const left = Math.max(1, Math.round(seconds - (performance.now() - begin) / 1000))
      const options = ['--work', '--out', file, '--seconds', String(left), '--stride', String(stride)]
      if (await ended([fileURLToPath(import.meta.url), platform, ...options])) break
    }
    return report(readLog(file))
  } finally {
    if (folder !== null) rmSync(folder, { recursive: true })
  }
}

/** @returns whether the process came to its own end */
function ended(args: readonly string[]): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: 'inherit' })
    child.on('error', reject)
    child.on('exit', (status) => resolve(status === 0 || status === 2))
  })
}

function report(lines: readonly LogLine[]): boolean {
  const tried = lines.filter((line) => 'faults' in line || 'error' in line)
  const dead = killers(lines)
  const bad = tried.flatMap((line) => {
    const faults = Array.isArray(line['faults']) ? line['faults'] : []
    return 'error' in line ? [`${line['name']}: ${line['error']}`] : faults.map((words) => `${line['name']}: ${words}`)
  })
  for (const line of lines.filter((one) => Array.isArray(one['furthest']))) {
    console.log(`${line['name']}: furthest ${JSON.stringify(line['furthest'])}, loss ${JSON.stringify(line['loss'])}`)
  }
  for (const words of bad) console.log(words)
  for (const name of dead) console.log(`${name}: ended the process`)
  const left = lines.filter((line) => 'left' in line).length
  console.log(`${tried.length} compared, ${bad.length} faults, ${dead.length} ended the process, ${left} left out`)
  return tried.length > 0 && bad.length + dead.length === 0
}

try {
  const settings = readSettings()
  if (settings.work) {
    const { platform, out = '', seconds, stride } = settings
    tryAll(new AttemptLog(out, seconds), { platform, devices: platform === 'gpu' ? [0] : 1, plugin: null }, stride)
  } else process.exitCode = (await supervise(settings)) ? 0 : 1
} catch (error) {
  tellUsageFault(error)
}
