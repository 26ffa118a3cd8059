/** Small trainings that are killed, and what they come to where nobody kills them. */
import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { type RunNumbers, readFolder, readRun } from '../trainer/read-run.ts'
import { runCli, TRAIN_TINY } from '../trainer/run-cli.ts'

export interface CrashRun {
  readonly name: string
  /** Settings beside those of all. */
  readonly options: readonly string[]
  /** Steps of the whole run. */
  readonly steps: number
}

/** Replicas that share memory; files beside the checkpoints; a run within a run. */
export const CRASH_RUNS: readonly CrashRun[] = [
  { name: 'one', options: ['--branches', '2', '--devices', 'cpu:2', '--steps', '44'], steps: 44 },
  { name: 'snapshot', options: ['--method', 'snapshot', '--snapshots', '2', '--epochs', '4'], steps: 40 },
  { name: 'kd', options: ['--method', 'kd', '--teacher-network', 'densenet-bc-10-12', '--steps', '24'], steps: 24 },
]

/** A checkpoint every third step, so that one is nearly always being written or removed. */
const OFTEN = ['--checkpoint-steps', '3', '--decode-workers', '2'] as const

export const trainArguments = ({ options }: CrashRun, out: string) => [
  ...TRAIN_TINY,
  ...options,
  ...OFTEN,
  ...['--out', out],
]

/** All that a run computed: its own numbers, its teacher's, its snapshots. */
export interface Computed {
  readonly numbers: RunNumbers
  readonly teacher: RunNumbers | null
  readonly snapshots: Readonly<Record<string, string>>
}

/** Runs to its end what nobody kills, without checkpoints within epochs. @throws Error with its words where it fails */
export async function trainWhole({ name, options, steps }: CrashRun, cwd: string): Promise<Computed> {
  const out = `whole-${name}`
  const { code, stderr } = await runCli([...TRAIN_TINY, ...options, '--checkpoint-minutes', '0', '--out', out], { cwd })
  if (code !== 0) throw new Error(`Expected the run ${name} to end but received exit code ${code}: ${stderr}`)
  return await readComputed(join(cwd, out), steps)
}

export async function readComputed(folder: string, steps: number): Promise<Computed> {
  const names = await readdir(folder)
  const teacher = names.includes('teacher') ? await readRun(join(folder, 'teacher'), steps) : null
  const snapshots = names.includes('snapshots') ? await readFolder(join(folder, 'snapshots')) : {}
  return { numbers: await readRun(folder, steps), teacher, snapshots }
}

/** Names in a run's folder that its uninterrupted twin does not have, event files and checkpoints apart. */
export async function leftOver(folder: string, whole: string): Promise<string[]> {
  const names = async (run: string) => {
    const all = await readdir(run, { recursive: true })
    return all.filter((name) => !/(^|\/)(events|checkpoints)\/(events\.out\.|step-\d+($|\/))/.test(name))
  }
  const known = new Set(await names(whole))
  return (await names(folder)).filter((name) => !known.has(name))
}

/** Whether `resume` has something to go on with: a process may be killed before it has said what it trains. */
export async function hasConfig(folder: string): Promise<boolean> {
  try {
    JSON.parse(await readFile(join(folder, 'config.json'), 'utf8'))
    return true
  } catch {
    return false
  }
}

const PLACES: readonly (readonly [name: RegExp, place: string])[] = [
  [/\.tmp-old-step-\d+$/, 'removing a checkpoint'],
  [/\.tmp-step-\d+$/, 'writing a checkpoint'],
  [/snapshot-\d+\.safetensors\.tmp$/, 'writing a snapshot'],
  [/metrics\.jsonl\.tmp$/, 'shortening metrics.jsonl'],
  [/\.(html|png|json)\.tmp-\d+$/, 'writing the report, the picture or classes.json'],
  [/run\.lock\./, 'locking'],
]

/**
 * Where a process was when it was killed, by what it left.
 * @param since when it began: what lies there from before was left by another
 */
export async function placeOfDeath(folder: string, since: number): Promise<string> {
  if (!(await hasConfig(folder))) return 'before the run folder was whole'
  const names = await readdir(folder, { recursive: true })
  const changed = await Promise.all(
    names.map((name) => stat(join(folder, name)).then(({ ctimeMs }) => ctimeMs >= since)),
  )
  const own = names.filter((_, index) => changed[index])
  for (const [pattern, place] of PLACES) if (own.some((name) => pattern.test(name))) return place
  if (own.includes('run.lock') && (await readFile(join(folder, 'run.lock'))).length === 0) return 'locking'
  if (!own.some((name) => name.startsWith('events/') || name.startsWith('teacher/'))) return 'starting'
  return 'training, evaluating or ending'
}
