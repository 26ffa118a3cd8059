/** Kills small trainings again and again, lets them go on, and compares what they come to with what nobody disturbed. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { startCli } from '../trainer/run-cli.ts'
import {
  type Computed,
  type CrashRun,
  hasConfig,
  leftOver,
  placeOfDeath,
  readComputed,
  trainArguments,
  trainWhole,
} from './crash-runs.ts'
import { type KillPlan, planKill } from './kill-plan.ts'
import { watchRun } from './watch-run.ts'

export interface CrashReport {
  readonly kills: number
  /** Processes that were to go on with what a killed one left. */
  readonly resumes: number
  /** Runs that came to their end, each compared with its uninterrupted twin. */
  readonly runs: number
  /** Kills by what the process was doing. */
  readonly places: Readonly<Record<string, number>>
  /** Nothing where all is well: a difference, a process that failed, a file left over. */
  readonly faults: readonly string[]
}

interface Twin {
  readonly computed: Computed
  /** Milliseconds from the start of its process to its end. */
  readonly span: number
}

/**
 * @param kills SIGKILLs in all; the run of the last one is let come to its end
 * @param cwd an empty folder, in which the runs stay
 * @param tell told of each kill
 */
export async function killAndResume(
  { kills, seed, runs }: { readonly kills: number; readonly seed: number; readonly runs: readonly CrashRun[] },
  cwd: string,
  tell: (words: string) => void,
): Promise<CrashReport> {
  const twins = new Map<string, Twin>()
  const faults: string[] = []
  const places: Record<string, number> = {}
  let [killed, resumes, ended, lives] = [0, 0, 0, 0]
  while (killed < kills || ended < runs.length) {
    const run = runs[ended % runs.length]
    if (run === undefined) throw new Error('Expected a run to kill')
    const twin = twins.get(run.name) ?? (await timeTwin(run, cwd))
    twins.set(run.name, twin)
    const out = `killed-${ended}-${run.name}`
    const folder = join(cwd, out)
    for (;;) {
      const goesOn = await hasConfig(folder)
      // Nothing is there to go on with: what there is of a folder would be in the way.
      if (!goesOn) await rm(folder, { recursive: true, force: true })
      else resumes++
      // By processes, not by kills: what is waited for need not come.
      const plan = killed < kills ? planKill(seed, lives++, twin.span) : null
      const began = Date.now()
      const { code, signal, stderr } = await runUntilKilled(
        goesOn ? ['resume', out] : trainArguments(run, out),
        { cwd, folder },
        plan,
      )
      if (signal === 'SIGKILL') {
        killed++
        const place = await placeOfDeath(folder, began)
        places[place] = (places[place] ?? 0) + 1
        tell(`kill ${killed} of ${kills}, ${out}: ${place}`)
        continue
      }
      if (code !== 0) {
        faults.push(`${out} ended with ${signal ?? `exit code ${code}`}: ${stderr.slice(-2000)}`)
        break
      }
      faults.push(...(await compare(run, folder, join(cwd, `whole-${run.name}`), twin.computed)))
      break
    }
    ended++
    tell(`${out} is at its end`)
  }
  return { kills: killed, resumes, runs: ended, places, faults }
}

async function timeTwin(run: CrashRun, cwd: string): Promise<Twin> {
  const began = performance.now()
  const computed = await trainWhole(run, cwd)
  return { computed, span: performance.now() - began }
}

/** @param plan null where it is to come to its end */
async function runUntilKilled(
  argv: readonly string[],
  { cwd, folder }: { readonly cwd: string; readonly folder: string },
  plan: KillPlan | null,
) {
  let events = 0
  const timers: NodeJS.Timeout[] = []
  const { child, ended } = startCli(argv, { cwd })
  const killAfter = (delay: number) => {
    if (delay === 0) child.kill('SIGKILL')
    else timers.push(setTimeout(() => child.kill('SIGKILL'), delay))
  }
  if (plan === null) return await ended
  const stopWatching = watchRun(cwd, folder, (name) => {
    if (plan.after?.test(name) !== true) return
    events++
    if (events === plan.event) killAfter(plan.delay)
  })
  killAfter(plan.deadline)
  try {
    return await ended
  } finally {
    stopWatching()
    for (const timer of timers) clearTimeout(timer)
  }
}

/** @returns what differs, empty where nothing does */
async function compare({ steps }: CrashRun, folder: string, whole: string, computed: Computed): Promise<string[]> {
  const now = await readComputed(folder, steps)
  const faults: string[] = []
  for (const part of ['numbers', 'teacher', 'snapshots'] as const) {
    if (!isDeepStrictEqual(now[part], computed[part])) faults.push(`${folder}: ${part} are not those of ${whole}`)
  }
  const names = await leftOver(folder, whole)
  if (names.length > 0) faults.push(`${folder}: ${names.join(', ')} are left over`)
  return faults
}
