/** Tables 3 to 6 and figures 2 and 3: methods and parts of ONE compared, all on CIFAR-100 for 300 epochs. */
import type { PaperFigures, Recipe, RecipeSettings, TableRow } from '../recipe.ts'

const COMMON = { dataset: 'cifar100', epochs: 300 } as const satisfies RecipeSettings
const PRINTED = { 'resnet-32': 'ResNet-32', 'resnet-110': 'ResNet-110' } as const

const METHODS = {
  vanilla: { printed: 'vanilla', settings: { method: 'vanilla' } },
  kd: { printed: 'KD', settings: { method: 'kd', teacherNetwork: 'resnet-110' } },
  dml: { printed: 'DML', settings: { method: 'dml', peers: '2' } },
  one: { printed: 'ONE', settings: { method: 'one' } },
  'one-e': { printed: 'ONE-E', settings: { method: 'one' } },
  snapshot: { printed: 'Snapshot Ensemble', settings: { method: 'snapshot', snapshots: 5 } },
  'ensemble-2': { printed: '2-Net Ensemble', settings: { method: 'ensemble', peers: '2' } },
  'ensemble-3': { printed: '3-Net Ensemble', settings: { method: 'ensemble', peers: '3' } },
  'no-distillation': { printed: 'ONE w/o online distillation', settings: { method: 'one', distill: 'off' } },
  'no-sharing': { printed: 'ONE w/o sharing layers', settings: { method: 'one', share: 'none' } },
  'no-gating': { printed: 'ONE w/o gating', settings: { method: 'one', gate: 'average' } },
  'no-distillation-e': { printed: 'ONE-E w/o online distillation', settings: { method: 'one', distill: 'off' } },
  'no-sharing-e': { printed: 'ONE-E w/o sharing layers', settings: { method: 'one', share: 'none' } },
  'no-gating-e': { printed: 'ONE-E w/o gating', settings: { method: 'one', gate: 'average' } },
} as const satisfies Readonly<Record<string, { printed: string; settings: RecipeSettings }>>

type Network = keyof typeof PRINTED
type Method = keyof typeof METHODS

interface PaperRow {
  readonly table: string
  readonly network: Network
  readonly method: Method
  readonly error: number | null
  /** Over the branches, where the paper prints it. */
  readonly std?: number
  /** TrCost and TeCost in 1e8 FLOPs, where the table has them. */
  readonly cost?: readonly [train: number, test: number]
}

const PAPER_ROWS: readonly PaperRow[] = [
  { table: 'table3', network: 'resnet-32', method: 'kd', error: 28.83, cost: [6.43, 1.38] },
  { table: 'table3', network: 'resnet-32', method: 'dml', error: 29.03, std: 0.22, cost: [2.76, 1.38] },
  { table: 'table3', network: 'resnet-32', method: 'one', error: 26.61, std: 0.06, cost: [2.28, 1.38] },
  { table: 'table3', network: 'resnet-110', method: 'dml', error: 24.1, std: 0.72, cost: [10.1, 5.05] },
  { table: 'table3', network: 'resnet-110', method: 'one', error: 21.62, std: 0.26, cost: [8.29, 5.05] },
  { table: 'table4', network: 'resnet-32', method: 'snapshot', error: 27.12, cost: [1.38, 6.9] },
  { table: 'table4', network: 'resnet-32', method: 'ensemble-2', error: 26.75, cost: [2.76, 2.76] },
  { table: 'table4', network: 'resnet-32', method: 'ensemble-3', error: 25.14, cost: [4.14, 4.14] },
  { table: 'table4', network: 'resnet-32', method: 'one-e', error: 24.63, cost: [2.28, 2.28] },
  { table: 'table4', network: 'resnet-32', method: 'one', error: 26.61, cost: [2.28, 1.38] },
  { table: 'table4', network: 'resnet-110', method: 'snapshot', error: 23.09, cost: [5.05, 25.25] },
  { table: 'table4', network: 'resnet-110', method: 'ensemble-2', error: 22.47, cost: [10.1, 10.1] },
  { table: 'table4', network: 'resnet-110', method: 'ensemble-3', error: 21.25, cost: [15.15, 15.15] },
  { table: 'table4', network: 'resnet-110', method: 'one-e', error: 21.03, cost: [8.29, 8.29] },
  { table: 'table4', network: 'resnet-110', method: 'one', error: 21.62, cost: [8.29, 5.05] },
  { table: 'table5', network: 'resnet-110', method: 'one', error: 21.62, std: 0.26 },
  { table: 'table5', network: 'resnet-110', method: 'no-distillation', error: 24.73, std: 0.2 },
  { table: 'table5', network: 'resnet-110', method: 'no-sharing', error: 22.45, std: 0.52 },
  { table: 'table5', network: 'resnet-110', method: 'no-gating', error: 22.26, std: 0.23 },
  { table: 'table5', network: 'resnet-110', method: 'one-e', error: 21.03 },
  { table: 'table5', network: 'resnet-110', method: 'no-distillation-e', error: 21.84 },
  { table: 'table5', network: 'resnet-110', method: 'no-sharing-e', error: 20.57 },
  { table: 'table5', network: 'resnet-110', method: 'no-gating-e', error: 21.79 },
  // The curves and surfaces of the figures have no printed numbers; those of their ends stand in the tables.
  { table: 'figure2', network: 'resnet-110', method: 'no-distillation', error: 24.73, std: 0.2 },
  { table: 'figure2', network: 'resnet-110', method: 'one', error: 21.62, std: 0.26 },
  { table: 'figure3', network: 'resnet-110', method: 'vanilla', error: 25.33 },
  { table: 'figure3', network: 'resnet-110', method: 'dml', error: 24.1, std: 0.72 },
  { table: 'figure3', network: 'resnet-110', method: 'one', error: 21.62, std: 0.26 },
]

/** Table 6: error with 1 to 5 branches, ResNet-32. */
const BRANCHES: readonly (readonly [branches: number, error: number])[] = [
  [1, 31.18],
  [2, 27.38],
  [3, 26.68],
  [4, 26.58],
  [5, 26.52],
]

/** `table3/resnet-32-kd`, ..., `table6/resnet-32-branches-5`, `figure2/resnet-110-one`, ... */
export const CIFAR100_TABLES: Readonly<Record<string, Recipe>> = Object.fromEntries([
  ...PAPER_ROWS.map((row) => [`${row.table}/${row.network}-${row.method}`, recipeOf(row)]),
  ...BRANCHES.map(([branches, error]) => [`table6/resnet-32-branches-${branches}`, branchRecipe(branches, error)]),
])

function recipeOf({ table, network, method, error, std, cost }: PaperRow): Recipe {
  const { printed, settings } = METHODS[method]
  const figure =
    method.endsWith('-e') || method.startsWith('ensemble') || method === 'snapshot' ? 'teacher' : 'branches'
  const paper: PaperFigures = {
    error: error === null ? null : { mean: error, std: std ?? null },
    top5: null,
    trainFlops: cost === undefined ? null : cost[0] * 1e8,
    testFlops: cost === undefined ? null : cost[1] * 1e8,
    parameters: null,
  }
  return complete(
    { network, ...settings },
    { table, method: printed, on: PRINTED[network], figure, paper, elsewhere: null },
  )
}

function branchRecipe(branches: number, error: number): Recipe {
  const paper = { error: { mean: error, std: null }, top5: null, trainFlops: null, testFlops: null, parameters: null }
  const method = branches === 1 ? '1 branch (vanilla)' : `${branches} branches`
  const settings: RecipeSettings = branches === 1 ? { method: 'vanilla' } : { method: 'one', branches }
  const row: TableRow = {
    table: 'table6',
    method,
    on: PRINTED['resnet-32'],
    figure: 'branches',
    paper,
    elsewhere: null,
  }
  return complete({ network: 'resnet-32', ...settings }, row)
}

function complete(settings: RecipeSettings, row: TableRow): Recipe {
  return { description: `${row.method}, ${row.on} on CIFAR-100`, settings: { ...settings, ...COMMON }, row }
}
