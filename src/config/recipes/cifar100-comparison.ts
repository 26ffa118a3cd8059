/** Our comparison of all methods on the paper's images: ResNet-32 on CIFAR-100, in one table. */
import type { Recipe, TableRow } from '../recipe.ts'
import { CIFAR100_TABLES } from './cifar100-tables.ts'

const TABLE = 'cifar100'

/** Rows in their order, and the paper's row that each has its settings and figures from. */
const ROWS: Readonly<Record<string, string>> = {
  vanilla: 'table6/resnet-32-branches-1',
  one: 'table3/resnet-32-one',
  'one-e': 'table4/resnet-32-one-e',
  kd: 'table3/resnet-32-kd',
  dml: 'table3/resnet-32-dml',
  snapshot: 'table4/resnet-32-snapshot',
  'ensemble-2': 'table4/resnet-32-ensemble-2',
  'ensemble-3': 'table4/resnet-32-ensemble-3',
  // The paper takes ONE apart with a ResNet-110 alone: its figures stand beside for the order, not to be met.
  'no-distillation': 'table5/resnet-110-no-distillation',
  'no-distillation-e': 'table5/resnet-110-no-distillation-e',
  'no-sharing': 'table5/resnet-110-no-sharing',
  'no-sharing-e': 'table5/resnet-110-no-sharing-e',
  'no-gating': 'table5/resnet-110-no-gating',
  'no-gating-e': 'table5/resnet-110-no-gating-e',
  'branches-2': 'table6/resnet-32-branches-2',
  'branches-4': 'table6/resnet-32-branches-4',
  'branches-5': 'table6/resnet-32-branches-5',
}

/** Names of rows that say too little beside other methods. */
const RENAMED: Readonly<Record<string, string>> = {
  '1 branch (vanilla)': 'vanilla',
  '2 branches': 'ONE, 2 branches',
  '4 branches': 'ONE, 4 branches',
  '5 branches': 'ONE, 5 branches',
}

/** `cifar100/vanilla`, `cifar100/one`, ... */
export const CIFAR100_COMPARISON: Readonly<Record<string, Recipe>> = Object.fromEntries(
  Object.entries(ROWS).map(([name, source]) => [`${TABLE}/${name}`, recipeLike(source)]),
)

function recipeLike(source: string): Recipe {
  const recipe = CIFAR100_TABLES[source]
  if (!recipe?.row) throw new Error(`Expected a row of the paper's tables but received ${source}`)
  const { settings, row } = recipe
  const method = RENAMED[row.method] ?? row.method
  return {
    description: `${method}, ResNet-32 on CIFAR-100`,
    settings: { ...settings, network: 'resnet-32' },
    row: { ...row, table: TABLE, method, on: 'ResNet-32', ...figuresOf(settings.network, row) },
  }
}

function figuresOf(network: string | undefined, { on, paper }: TableRow): Pick<TableRow, 'paper' | 'elsewhere'> {
  if (network === 'resnet-32') return { paper, elsewhere: null }
  return { paper: null, elsewhere: paper?.error ? { error: paper.error.mean, on } : null }
}
