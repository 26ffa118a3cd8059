/** Which runs a set of evidence is made of, in the order in which they are trained. */

import { SUCCESSOR_NAMES } from '../src/config/recipes/successors.ts'
import { RECIPES } from '../src/config/recipes.ts'
import { expected } from '../src/vocabulary/fault.ts'

export interface EvidenceJob {
  /** `fashion/one-seed-1`, `cifar100/one-scale-0.1-seed-1`: names the run's folder and its published copy. */
  readonly name: string
  readonly recipe: string
  readonly seed: number
  /** Part of the recipe's schedule; 1 = all. */
  readonly scale: number
}

interface Part {
  /** Recipes by the second part of their names. */
  readonly recipes: readonly string[]
  readonly scale: number
  readonly seeds: readonly number[]
}

/** The most telling first, so that a whole table is there as early as can be. */
const CIFAR100: readonly Part[] = [
  { recipes: ['vanilla', 'one'], scale: 0.1, seeds: [1, 2, 3] },
  { recipes: ['no-distillation', 'no-gating'], scale: 0.1, seeds: [1, 2, 3] },
  { recipes: ['vanilla', 'one'], scale: 1, seeds: [1] },
  {
    recipes: [
      ...['kd', 'dml', 'snapshot', 'ensemble-2', 'ensemble-3'],
      ...['no-sharing', 'branches-2', 'branches-4', 'branches-5'],
      ...SUCCESSOR_NAMES,
    ],
    scale: 0.1,
    seeds: [1],
  },
]

const PARTS: ReadonlyMap<string, readonly Part[]> = new Map([['cifar100', CIFAR100]])

/**
 * Part by part, seed by seed; recipes of equal settings have one run.
 * @param sets first parts of the recipes' names
 * @param seeds instead of the set's own, for all of its parts; null = its own
 * @param only substrings of the names of wanted runs; null = all
 * @throws UserFault for a set that there is not, and a substring that no name holds
 */
export function evidenceJobs(
  sets: readonly string[],
  seeds: readonly number[] | null,
  only: readonly string[] | null,
): EvidenceJob[] {
  const jobs = sets.flatMap((set) =>
    partsOf(set).flatMap((part) =>
      (seeds ?? part.seeds).flatMap((seed) =>
        part.recipes.map((recipe) => jobOf(`${set}/${recipe}`, seed, part.scale)),
      ),
    ),
  )
  if (only === null) return jobs
  for (const word of only) {
    if (jobs.some(({ name }) => name.includes(word))) continue
    const names = jobs.map(({ name }) => name).join(', ')
    throw expected(`part of a name of ${names}`, '--only', word, 'Name some of them, with commas between.')
  }
  return jobs.filter(({ name }) => only.some((word) => name.includes(word)))
}

function jobOf(recipe: string, seed: number, scale: number): EvidenceJob {
  return { name: `${recipe}${scale === 1 ? '' : `-scale-${scale}`}-seed-${seed}`, recipe, seed, scale }
}

/** Of any other first part of recipes' names all recipes, whole, with three seeds. */
function partsOf(set: string): readonly Part[] {
  const prefix = `${set}/`
  const names = Object.keys(RECIPES).filter((name) => name.startsWith(prefix))
  if (names.length === 0) {
    const sets = [...new Set(Object.keys(RECIPES).flatMap((name) => (name.includes('/') ? name.split('/')[0] : [])))]
    throw expected(`one of ${sets.join(', ')}`, '--set', set, 'Name one of them.')
  }
  const settings = names.map((name) => JSON.stringify(RECIPES[name]?.settings))
  const distinct = names.filter((_, place) => settings.indexOf(settings[place] ?? '') === place)
  const all: Part = { recipes: distinct.map((name) => name.slice(prefix.length)), scale: 1, seeds: [1, 2, 3] }
  return PARTS.get(set) ?? [all]
}
