/** Methods that came beside and after ONE: ResNet-32 on CIFAR-100, each by its own paper's settings, and in our comparison. */
import type { PaperFigure, Recipe, RecipeSettings, TableRow } from '../recipe.ts'

interface Row {
  readonly method: string
  readonly settings: RecipeSettings
  /** Settings of the paper or of its authors' programs, where they are not the comparison's. */
  readonly own: RecipeSettings
  readonly figure: TableRow['figure']
  /** Top-1 error, percent, and where it stands; null where no figure for this network is known. */
  readonly error: PaperFigure | null
  readonly from: string
}

const COMMON = { network: 'resnet-32', dataset: 'cifar100', epochs: 300 } as const satisfies RecipeSettings

const ROWS: Readonly<Record<string, Row>> = {
  dkd: {
    method: 'DKD',
    settings: { method: 'dkd', teacherNetwork: 'resnet-110', dkdBeta: 2 },
    // Their rate falls at 150, 180 and 210 epochs, by momentum without Nesterov; the teacher has basic blocks.
    own: { teacherBlock: 'basic', epochs: 240, batch: 64, learningRate: 0.05, weightDecay: 5e-4 },
    figure: 'branches',
    error: { mean: 25.89, std: null },
    from: "DKD's repository",
  },
  okddip: {
    method: 'OKDDip, branches',
    settings: { method: 'okddip' },
    own: { weightDecay: 5e-4 },
    figure: 'target',
    error: { mean: 25.65, std: 0.15 },
    from: 'OKDDip, table 2',
  },
  'okddip-networks': {
    method: 'OKDDip, networks',
    settings: { method: 'okddip', share: 'none' },
    own: { weightDecay: 5e-4 },
    figure: 'target',
    error: null,
    from: '',
  },
  'cl-ilr': {
    method: 'CL-ILR',
    settings: { method: 'cl-ilr' },
    // Those of the table's own paper.
    own: { weightDecay: 5e-4 },
    figure: 'branches',
    error: { mean: 27.67, std: null },
    from: "PCL's table",
  },
  kdcl: {
    method: 'KDCL, 2 networks',
    settings: { method: 'kdcl' },
    own: { weightDecay: 5e-4 },
    figure: 'branches',
    error: { mean: 26.24, std: null },
    from: "PCL's table",
  },
}

/** Second parts of the recipes' names. */
export const SUCCESSOR_NAMES: readonly string[] = Object.keys(ROWS)

/** `successors/dkd`, ...: as each paper has it. */
export const SUCCESSORS: Readonly<Record<string, Recipe>> = Object.fromEntries(
  Object.entries(ROWS).map(([name, { method, settings, own, figure, error }]) => {
    const paper = { error, top5: null, trainFlops: null, testFlops: null, parameters: null }
    const row = { table: 'successors', method, on: 'ResNet-32', figure, paper, elsewhere: null }
    const description = `${method}, ResNet-32 on CIFAR-100, by its paper's settings`
    return [`successors/${name}`, { description, settings: { ...COMMON, ...settings, ...own }, row }]
  }),
)

/** `cifar100/dkd`, ...: rows of our comparison, which have the settings of all its rows. */
export const COMPARED_SUCCESSORS: Readonly<Record<string, Recipe>> = Object.fromEntries(
  Object.entries(ROWS).map(([name, { method, settings, figure, error, from }]) => {
    const elsewhere = error === null ? null : { error: error.mean, on: from }
    const row = { table: 'cifar100', method, on: 'ResNet-32', figure, paper: null, elsewhere }
    const description = `${method}, ResNet-32 on CIFAR-100`
    return [`cifar100/${name}`, { description, settings: { ...COMMON, ...settings }, row }]
  }),
)
