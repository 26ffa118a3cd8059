import type { RunConfig } from './run-config.ts'

/** Settings that differ from the defaults. */
export type RecipeSettings = Readonly<Partial<Omit<RunConfig, 'recipe' | 'out'>>>

/** A number of the paper as it is printed: its value, and the deviation over the branches where one is printed. */
export interface PaperFigure {
  readonly mean: number
  readonly std: number | null
}

/** What the paper prints of a row. */
export interface PaperFigures {
  /** Top-1 error on the test images, percent. */
  readonly error: PaperFigure | null
  /** Top-5 error, percent; ImageNet only. */
  readonly top5: PaperFigure | null
  /** FLOPs of one image's forward pass through everything that is trained, and through what is deployed. */
  readonly trainFlops: number | null
  readonly testFlops: number | null
  /** Of the deployed network. */
  readonly parameters: number | null
}

/** Place of a run's result among the tables of a report. */
export interface TableRow {
  /** `table1` ... `table6`, `figure2`, `figure3`, or the name of a set of our own. */
  readonly table: string
  readonly method: string
  /** Network and dataset, where the table has several. */
  readonly on: string
  /** Whose error the row shows: the mean of the branches, the first of them, or the ensemble's. */
  readonly figure: 'branches' | 'target' | 'teacher'
  /** null where the paper has no such run. */
  readonly paper: PaperFigures | null
  /** The paper's error of the same method on other images, to compare the order of methods; not to be met. */
  readonly elsewhere: { readonly error: number; readonly on: string } | null
}

/** A run that has a name. */
export interface Recipe {
  /** One line of the lists of recipes. */
  readonly description: string
  readonly settings: RecipeSettings
  /** null for a run that belongs to no table. */
  readonly row: TableRow | null
}
