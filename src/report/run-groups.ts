/** Runs that differ by nothing but their seed are one result. */

import { defaultRampUp } from '../config/defaults.ts'
import { makeConfig } from '../config/make-config.ts'
import { settingsThat } from '../config/option-table.ts'
import type { TableRow } from '../config/recipe.ts'
import { RECIPES } from '../config/recipes.ts'
import type { RunConfig } from '../config/run-config.ts'
import { shortName } from '../vocabulary/own-definitions.ts'
import { methodRowTitle } from './classifier-names.ts'
import type { RunResult } from './run-result.ts'

export interface RunGroup {
  /** Settings of the first of them. */
  readonly config: RunConfig
  /** By seed; at least one. */
  readonly runs: readonly RunResult[]
}

const ROW_KEYS = settingsThat(({ report }) => report === 'row')
const DIFFERENCE_KEYS = settingsThat(({ report }) => report === 'difference')

/** Settings that a result depends on, but for the seed. */
export const RESULT_KEYS = [...ROW_KEYS, ...DIFFERENCE_KEYS]

export function groupRuns(runs: readonly RunResult[]): RunGroup[] {
  const groups = new Map<string, RunResult[]>()
  for (const run of runs) {
    const key = JSON.stringify(RESULT_KEYS.map((name) => run.config[name]))
    groups.set(key, [...(groups.get(key) ?? []), run])
  }
  return [...groups.values()].flatMap((members) => {
    const bySeed = members.toSorted((one, other) => one.config.seed - other.config.seed)
    const [first] = bySeed
    return first === undefined ? [] : [{ config: first.config, runs: bySeed }]
  })
}

/** Finished runs that count: the first of each seed. A second one of the same seed is no second sample. */
export function countedRuns({ runs }: RunGroup): RunResult[] {
  const finished = runs.filter(({ final }) => final !== null)
  const seeds = finished.map(({ config }) => config.seed)
  return finished.filter(({ config }, place) => seeds.indexOf(config.seed) === place)
}

/** A row of a table with the settings of its recipe. */
export interface RecipeRow extends TableRow {
  readonly recipe: string
  readonly config: RunConfig
}

/** All rows of all tables, in their order. */
export async function recipeRows(): Promise<RecipeRow[]> {
  const rows = await Promise.all(
    Object.entries(RECIPES).map(async ([recipe, { row }]) =>
      // Nothing is written: the folder only keeps a fresh one from being looked for.
      row === null ? [] : [{ ...row, recipe, config: await makeConfig(recipe, { out: 'none' }) }],
    ),
  )
  return rows.flat()
}

export function belongsTo(row: RecipeRow, { config }: RunGroup): boolean {
  return ROW_KEYS.every((key) => config[key] === row.config[key])
}

/** How a group's settings differ from the recipe's, in words; empty where they do not. */
export function tellDifferences(row: RecipeRow, { config }: RunGroup): string {
  const differing = DIFFERENCE_KEYS.filter(
    (key) =>
      config[key] !== row.config[key] &&
      !(key === 'rampUp' && isUsualRampUp(config)) &&
      // The word of another executor names the precision too.
      !(key === 'precision' && config.executor !== row.config.executor),
  )
  return differing.map((key) => tellSetting(key, config, row.config)).join(', ')
}

/** A ramp-up that is in proportion to the epochs needs no word of its own. */
function isUsualRampUp({ method, epochs, steps, rampUp }: RunConfig): boolean {
  return rampUp === defaultRampUp(method, epochs, steps)
}

function tellSetting(key: keyof RunConfig, config: RunConfig, wanted: RunConfig): string {
  if (key === 'epochs') {
    const scale = config.scale === 1 ? '' : ` (scale ${config.scale})`
    return `${config.epochs} of ${wanted.epochs} epochs${scale}`
  }
  if (key === 'precision') return config.precision
  if (key === 'executor') return `${config.executor} on ${config.devices.replace(/:.*/, '')}, ${config.precision}`
  return `${key} ${config[key]}`
}

/** What a group is called where it belongs to no row. */
export function nameGroup({ config }: RunGroup): string {
  return `${shortName(config.network)}, ${methodRowTitle(config)}`
}
