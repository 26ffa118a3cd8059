/** Runs that differ by nothing but their seed are one result. */
import { defaultRampUp } from '../config/defaults.ts'
import { makeConfig } from '../config/make-config.ts'
import type { TableRow } from '../config/recipe.ts'
import { RECIPES } from '../config/recipes.ts'
import type { RunConfig } from '../config/run-config.ts'
import type { RunResult } from './run-result.ts'

export interface RunGroup {
  /** Settings of the first of them. */
  readonly config: RunConfig
  /** By seed; at least one. */
  readonly runs: readonly RunResult[]
}

/** Settings that do not change what is measured but by chance, or where it lies. */
const FREE = new Set<string>([
  ...(['recipe', 'scale', 'seed', 'out', 'data', 'devices', 'decodeWorkers', 'executor'] as const),
  ...(['tfjsBackend', 'logEvery', 'evaluateEvery', 'keep', 'teacher'] as const),
] satisfies (keyof RunConfig)[])

export function groupRuns(runs: readonly RunResult[]): RunGroup[] {
  const groups = new Map<string, RunResult[]>()
  for (const run of runs) {
    const settings = Object.entries(run.config).filter(([key]) => !FREE.has(key))
    const key = JSON.stringify(settings.sort(([one], [other]) => (one < other ? -1 : 1)))
    groups.set(key, [...(groups.get(key) ?? []), run])
  }
  return [...groups.values()].flatMap((members) => {
    const bySeed = members.toSorted((one, other) => one.config.seed - other.config.seed)
    const [first] = bySeed
    return first === undefined ? [] : [{ config: first.config, runs: bySeed }]
  })
}

/** Settings that make a run the one of a row; in all others it may differ, which is then said. */
const IDENTITY = [
  ...(['network', 'block', 'method', 'branches', 'distill', 'share', 'gate', 'peers', 'teacherNetwork'] as const),
  ...(['teacherBlock', 'snapshots', 'dataset', 'trainFraction'] as const),
] satisfies (keyof RunConfig)[]

/** Settings that a row's runs may have otherwise, in the order in which they are told. */
const TOLD = [
  ...(['epochs', 'steps', 'batch', 'learningRate', 'schedule', 'momentum', 'weightDecay', 'rampUp'] as const),
  ...(['temperature', 'alpha', 'augment', 'shuffle', 'inputStd', 'precision', 'init'] as const),
] satisfies (keyof RunConfig)[]

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
  return IDENTITY.every((key) => config[key] === row.config[key])
}

/** How a group's settings differ from the recipe's, in words; empty where they do not. */
export function tellDifferences(row: RecipeRow, { config }: RunGroup): string {
  const differing = TOLD.filter(
    (key) => config[key] !== row.config[key] && !(key === 'rampUp' && isUsualRampUp(config)),
  )
  return differing.map((key) => tellSetting(key, config, row.config)).join(', ')
}

/** A ramp-up that is in proportion to the epochs needs no word of its own. */
function isUsualRampUp({ method, epochs, steps, rampUp }: RunConfig): boolean {
  return rampUp === defaultRampUp(method, epochs, steps)
}

function tellSetting(key: (typeof TOLD)[number], config: RunConfig, wanted: RunConfig): string {
  if (key === 'epochs') {
    const scale = config.scale === 1 ? '' : ` (scale ${config.scale})`
    return `${config.epochs} of ${wanted.epochs} epochs${scale}`
  }
  if (key === 'precision') return String(config.precision)
  return `${key} ${config[key]}`
}

/** What a group is called where it belongs to no row. */
export function nameGroup({ config }: RunGroup): string {
  const { network, method, branches, peers, snapshots, distill, share, gate, teacherNetwork } = config
  const parts: Record<RunConfig['method'], string> = {
    vanilla: 'vanilla',
    one: `ONE with ${branches} branches`,
    kd: `KD from ${teacherNetwork ?? 'a teacher'}`,
    dml: `DML, peers ${peers}`,
    snapshot: `snapshot ensemble of ${snapshots}`,
    ensemble: `ensemble of ${peers}`,
  }
  const without = [
    ...(distill === 'off' ? ['without distillation'] : []),
    ...(share === 'none' ? ['without sharing'] : []),
    ...(gate === 'average' ? ['without gating'] : []),
  ]
  return [`${network}, ${parts[method]}`, ...without].join(' ')
}
