/** The paper's tables, and those of our own sets, with what the runs at hand measured. */
import type { PaperFigures, TableRow } from '../config/recipe.ts'
import type { RunConfig } from '../config/run-config.ts'
import type { ErrorSummary, EvalLine } from './metrics.ts'
import { belongsTo, countedRuns, nameGroup, type RecipeRow, type RunGroup, tellDifferences } from './run-groups.ts'

/** An error over runs that differ by their seed, percent. */
export interface MeasuredError {
  /** Over the seeds, of each run's figure. */
  readonly mean: number
  /** Standard deviation over the branches of a run, mean over the seeds; null for one branch and for ensembles. */
  readonly overBranches: number | null
  /** Standard deviation over the seeds (n - 1 in the denominator); null for one seed. */
  readonly overSeeds: number | null
}

export interface RowResult {
  readonly error: MeasuredError
  /** Of each seed, in the order of `seeds`. */
  readonly errors: readonly number[]
  readonly top5: MeasuredError
  readonly seeds: readonly number[]
  readonly folders: readonly string[]
  /** Settings that are not the recipe's, in words; empty where all are. */
  readonly differences: string
  /** null where the network cannot be captured here. */
  readonly cost: DeploymentCost | null
}

/** As the paper counts: FLOPs of one image's forward pass through all that is trained, and through what is deployed. */
export interface DeploymentCost {
  readonly trainFlops: number
  readonly testFlops: number
  readonly parameters: number
}

/** Given from outside: this room knows no networks. */
export type CostOf = (config: RunConfig, figure: TableRow['figure']) => Promise<DeploymentCost | null>

export interface ResultRow {
  readonly method: string
  readonly on: string
  readonly figure: TableRow['figure']
  readonly paper: PaperFigures | null
  readonly elsewhere: TableRow['elsewhere']
  /** null where no run of it is at its end. */
  readonly result: RowResult | null
}

export interface ResultTable {
  /** `table1`, `fashion`, ..., or `other`. */
  readonly name: string
  readonly rows: readonly ResultRow[]
}

/** Tables with a result at least, rows without one left empty; groups that are in none make a table `other`. */
export async function tabulate(
  groups: readonly RunGroup[],
  rows: readonly RecipeRow[],
  costOf: CostOf,
): Promise<ResultTable[]> {
  const finished = groups.flatMap((group) => {
    const runs = countedRuns(group)
    return runs.length > 0 ? [{ ...group, runs }] : []
  })
  const tables: ResultTable[] = []
  for (const name of new Set(rows.map(({ table }) => table))) {
    const members = rows.filter(({ table }) => table === name)
    if (!members.some((row) => finished.some((group) => belongsTo(row, group)))) continue
    const results = await Promise.all(members.map((row) => rowResults(row, finished, costOf)))
    tables.push({ name, rows: results.flat() })
  }
  const strangers = finished.filter((group) => !rows.some((row) => belongsTo(row, group)))
  const others = await Promise.all(strangers.map((group) => strangerRows(group, costOf)))
  return others.length === 0 ? tables : [...tables, { name: 'other', rows: others.flat() }]
}

async function rowResults(row: RecipeRow, groups: readonly RunGroup[], costOf: CostOf): Promise<ResultRow[]> {
  const { method, on, figure, paper, elsewhere } = row
  const shared = { method, on, figure, paper, elsewhere }
  const found = groups.filter((group) => belongsTo(row, group))
  if (found.length === 0) return [{ ...shared, result: null }]
  return await Promise.all(
    found.map(async (group) => ({
      ...shared,
      result: { ...(await measure(group, figure, costOf)), differences: tellDifferences(row, group) },
    })),
  )
}

async function strangerRows(group: RunGroup, costOf: CostOf): Promise<ResultRow[]> {
  const { dataset, epochs, steps } = group.config
  const on = `${dataset}, ${steps === null ? `${epochs} epochs` : `${steps} steps`}`
  const shared = { method: nameGroup(group), on, paper: null, elsewhere: null }
  const ensemble = group.runs[0]?.final?.top1_error.teacher ?? null
  const figures = ensemble === null ? (['branches'] as const) : (['branches', 'teacher'] as const)
  return await Promise.all(
    figures.map(async (figure) => ({
      ...shared,
      method: figure === 'teacher' ? `${shared.method}: ensemble` : shared.method,
      figure,
      result: { ...(await measure(group, figure, costOf)), differences: '' },
    })),
  )
}

async function measure(
  { config, runs }: RunGroup,
  figure: TableRow['figure'],
  costOf: CostOf,
): Promise<Omit<RowResult, 'differences'>> {
  const finals = runs.flatMap(({ final }) => final ?? [])
  return {
    error: summarise(finals, figure, ({ top1_error }) => top1_error),
    errors: finals.map(({ top1_error }) => figureOf(top1_error, figure)),
    top5: summarise(finals, figure, ({ top5_error }) => top5_error),
    seeds: runs.map((run) => run.config.seed),
    folders: runs.map(({ folder }) => folder),
    cost: await costOf(config, figure),
  }
}

function summarise(
  finals: readonly EvalLine[],
  figure: TableRow['figure'],
  pick: (line: EvalLine) => ErrorSummary,
): MeasuredError {
  const summaries = finals.map(pick)
  const errors = summaries.map((one) => figureOf(one, figure))
  const several = figure === 'branches' && summaries.every(({ branches }) => branches.length > 1)
  return {
    mean: meanOf(errors),
    overBranches: several ? meanOf(summaries.map(({ std }) => std)) : null,
    overSeeds: deviationOf(errors),
  }
}

/** Of what a row shows; NaN where the run has none. */
export function figureOf({ mean, branches, teacher }: ErrorSummary, figure: TableRow['figure']): number {
  const figures = { branches: mean, target: branches[0], teacher }
  return figures[figure] ?? Number.NaN
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

function deviationOf(values: readonly number[]): number | null {
  if (values.length < 2) return null
  const mean = meanOf(values)
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1))
}
