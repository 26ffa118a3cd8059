/** Where the runs of a set lie, whatever made them, and how far each of them is. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { makeConfig } from '../src/config/make-config.ts'
import type { RunConfig } from '../src/config/run-config.ts'
import { learnsFromTeacher } from '../src/engine/methods/registry.ts'
import { findRunsIfAny } from '../src/report/run-folders.ts'
import { RESULT_KEYS } from '../src/report/run-groups.ts'
import { type RunResult, readRun } from '../src/report/run-result.ts'
import { latestCheckpoint } from '../src/train/checkpoint/checkpoint.ts'
import { UserFault } from '../src/vocabulary/fault.ts'
import { fileErrorCode } from '../src/vocabulary/file-fault.ts'
import type { EvidenceJob } from './evidence-sets.ts'

/**
 * `new`: nothing is there; `stub`: it stopped in its first epoch, before any checkpoint; `cut`: it can go on;
 * `elsewhere`: it was cut and its checkpoints are not here, as with metrics brought from another machine.
 */
export type RunState = 'new' | 'stub' | 'cut' | 'elsewhere' | 'finished'

/** Of several runs of one job the furthest counts. */
const ORDER: readonly RunState[] = ['finished', 'cut', 'elsewhere', 'stub', 'new']

export interface PlannedEvidence extends EvidenceJob {
  /** Run folder. */
  readonly out: string
  readonly state: RunState
  /** What it measured so far; null for a new run. */
  readonly run: RunResult | null
  readonly given: GivenToRuns
}

/** Options that are passed on to the runs; undefined = left out. */
export interface GivenToRuns {
  readonly data?: string | undefined
  readonly devices?: string | undefined
  readonly precision?: string | undefined
}

/**
 * The runs of each job that lie below the folders: of the same settings, seed and length, under any name. What they were
 * computed with (executor, devices, precision) may be any, unless `given` says which; finished runs that differ in it are
 * all there. New runs go into the first folder.
 * @throws UserFault for a folder that a new run would need and that holds something else
 */
export async function planEvidence(
  jobs: readonly EvidenceJob[],
  runs: readonly string[],
  given: GivenToRuns = {},
): Promise<PlannedEvidence[]> {
  const folders = [...new Set((await Promise.all(runs.map((folder) => findRunsIfAny(folder)))).flat())]
  const there = await Promise.all(folders.map(readRun))
  const planned: PlannedEvidence[] = []
  for (const job of jobs) {
    const out = join(runs[0] ?? '.', job.name)
    const config = await makeConfig(job.recipe, settingsOf(job, out, given))
    const matching = await Promise.all(
      there
        .filter((run) => isRunOf(run.config, config, given))
        .map(async (run) => ({ ...job, out: run.folder, state: await stateOf(run), run, given })),
    )
    if (matching.length > 0) planned.push(...furthest(matching))
    else planned.push({ ...job, out: await refuseTaken(out, job), state: 'new', run: null, given })
  }
  return planned
}

function settingsOf({ seed, scale }: EvidenceJob, out: string, given: GivenToRuns) {
  const chosen = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
  return { ...chosen, seed, out, ...(scale === 1 ? {} : { scale }) }
}

function isRunOf(there: RunConfig, wanted: RunConfig, given: GivenToRuns): boolean {
  const any = [
    ...(given.devices === undefined ? ['executor'] : []),
    ...(given.precision === undefined ? ['precision'] : []),
  ]
  const keys = ['seed', ...RESULT_KEYS.filter((key) => !any.includes(key))] as const
  return keys.every((key) => there[key] === wanted[key])
}

/** All finished runs, the first of each executor and precision; where there are none, the one that is furthest. */
function furthest(matching: readonly PlannedEvidence[]): PlannedEvidence[] {
  const finished = matching.filter(({ state }) => state === 'finished')
  const means = finished.map(({ run }) => `${run?.config.executor} ${run?.config.precision}`)
  if (finished.length > 0) return finished.filter((_, place) => means.indexOf(means[place] ?? '') === place)
  return matching.toSorted((one, other) => ORDER.indexOf(one.state) - ORDER.indexOf(other.state)).slice(0, 1)
}

async function stateOf({ folder, config, lines, final }: RunResult): Promise<RunState> {
  if (final !== null) return 'finished'
  if ((await latestCheckpoint(folder)) !== null) return 'cut'
  if (lines.some(({ epoch }) => epoch > 0)) return 'elsewhere'
  // Without a checkpoint of its own it may have one of the teacher that it trains first; resume knows.
  return learnsFromTeacher(config.method) ? 'cut' : 'stub'
}

async function refuseTaken(out: string, { recipe }: EvidenceJob): Promise<string> {
  try {
    if ((await readdir(out)).length === 0) return out
  } catch (error) {
    if (fileErrorCode(error) === 'ENOENT') return out
    throw error
  }
  throw new UserFault(
    `Expected a run of ${recipe} as it is now for ${out} but received one of other settings`,
    'Move that folder away, or name another with --runs.',
  )
}

/**
 * Arguments of `native-ensemble` that bring a run to its end; `resume` begins a stub anew.
 * @throws UserFault for a run whose checkpoints are not here
 */
export function commandFor({ recipe, seed, scale, out, state, given }: PlannedEvidence): string[] {
  if (state === 'elsewhere') {
    throw new UserFault(
      `Expected a checkpoint in ${out}, which was cut, but received none`,
      'Bring its checkpoints here, or move that folder away: the run then begins anew.',
    )
  }
  const data = given.data === undefined ? [] : ['--data', given.data]
  if (state === 'cut' || state === 'stub') return ['resume', out, ...data]
  const options = (['devices', 'precision'] as const).flatMap((name) =>
    given[name] === undefined ? [] : [`--${name}`, given[name]],
  )
  const length = scale === 1 ? [] : ['--scale', `${scale}`]
  return ['train', recipe, ...length, '--seed', `${seed}`, '--out', out, ...data, ...options]
}
