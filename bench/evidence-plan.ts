/** Which runs a set of recipes asks for, and how far each of them is. */
import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { latestCheckpoint } from '../src/checkpoint/checkpoint.ts'
import { makeConfig, RESUMABLE, readConfig } from '../src/config/make-config.ts'
import { RECIPES } from '../src/config/recipes.ts'
import type { RunConfig } from '../src/config/run-config.ts'
import { readMetrics } from '../src/report/metrics.ts'
import { finalEvaluation } from '../src/report/run-end.ts'
import { runFiles } from '../src/report/run-files.ts'
import { expected, UserFault } from '../src/vocabulary/fault.ts'
import { fileErrorCode } from '../src/vocabulary/file-fault.ts'

/** `new`: nothing is there; `cut`: it can go on; `stub`: it stopped before its first checkpoint. */
export type RunState = 'new' | 'stub' | 'cut' | 'finished'

export interface PlannedEvidence {
  readonly recipe: string
  readonly seed: number
  /** Run folder. */
  readonly out: string
  readonly state: RunState
}

export interface EvidenceRequest {
  /** First parts of the recipes' names, such as `fashion`. */
  readonly sets: readonly string[]
  readonly seeds: readonly number[]
  /** Recipes of each set by the second part of their names; null for all. */
  readonly only: readonly string[] | null
  /** Folder of the runs. */
  readonly runs: string
}

/**
 * Set by set, seed by seed, so that a whole table is there as early as can be; recipes of equal settings have one run.
 * @throws UserFault for recipes that there are not, and for a folder with a run of other settings
 */
export async function planEvidence({ sets, seeds, only, runs }: EvidenceRequest): Promise<PlannedEvidence[]> {
  const jobs = sets.flatMap((set) => {
    const recipes = chooseRecipes(set, only)
    return seeds.flatMap((seed) => recipes.map((recipe) => ({ recipe, seed })))
  })
  return await Promise.all(
    jobs.map(async ({ recipe, seed }) => {
      const out = join(runs, `${recipe}-seed-${seed}`)
      return { recipe, seed, out, state: await stateOf(await makeConfig(recipe, { seed, out })) }
    }),
  )
}

function chooseRecipes(set: string, only: readonly string[] | null): string[] {
  const members = Object.keys(RECIPES).filter((name) => name.startsWith(`${set}/`))
  if (members.length === 0) {
    const sets = [...new Set(Object.keys(RECIPES).flatMap((name) => (name.includes('/') ? name.split('/')[0] : [])))]
    throw expected(`one of ${sets.join(', ')}`, '--set', set, 'Name one of them.')
  }
  for (const name of only ?? []) {
    if (!members.includes(`${set}/${name}`)) {
      const names = members.map((member) => member.slice(set.length + 1)).join(', ')
      throw expected(`some of ${names}`, '--only', name, 'Name some of them, with commas between.')
    }
  }
  const chosen = only === null ? members : only.map((name) => `${set}/${name}`)
  const settings = chosen.map((name) => JSON.stringify(RECIPES[name]?.settings))
  return chosen.filter((_, place) => settings.indexOf(settings[place] ?? '') === place)
}

async function stateOf(config: RunConfig): Promise<RunState> {
  if (await isEmpty(config.out)) return 'new'
  const there = await readConfig(config.out)
  const matters = (run: RunConfig) => Object.entries(run).filter(([key]) => !RESUMABLE.some((free) => free === key))
  if (!isDeepStrictEqual(matters(there), matters(config))) {
    throw new UserFault(
      `Expected a run of ${config.recipe} as it is now for ${config.out} but received one of other settings`,
      'Move that folder away, or name another with --runs.',
    )
  }
  if (await isFinished(config)) return 'finished'
  // kd without a checkpoint of its own may have one of the teacher that it trains first; resume knows.
  return (await latestCheckpoint(config.out)) === null && config.method !== 'kd' ? 'stub' : 'cut'
}

async function isEmpty(folder: string): Promise<boolean> {
  try {
    return (await readdir(folder)).length === 0
  } catch (error) {
    if (fileErrorCode(error) === 'ENOENT') return true
    throw error
  }
}

async function isFinished(config: RunConfig): Promise<boolean> {
  try {
    return finalEvaluation(config, await readMetrics(runFiles(config.out).metrics)) !== null
  } catch (error) {
    if (error instanceof UserFault && fileErrorCode(error.cause) === 'ENOENT') return false
    throw error
  }
}

/** Arguments of `native-ensemble` that bring a run to its end. A stub holds no result: it is removed and begun anew. */
export async function commandFor({ recipe, seed, out, state }: PlannedEvidence): Promise<string[]> {
  if (state === 'cut') return ['resume', out]
  if (state === 'stub') await rm(out, { recursive: true })
  return ['train', recipe, '--seed', `${seed}`, '--out', out]
}
