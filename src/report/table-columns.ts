/** What the columns of a table of results hold; which of them a table has follows from its rows. */
import type { PaperFigure } from '../config/recipe.ts'
import type { ResultRow, ResultTable } from './result-tables.ts'

interface Column {
  readonly head: string
  /** Text of a cell; empty where there is nothing to tell. */
  readonly cell: (row: ResultRow, table: ResultTable) => string
}

const number = (value: number | null | undefined, digits = 2) =>
  value === null || value === undefined || Number.isNaN(value) ? '' : value.toFixed(digits)
const signed = (value: number) => (value > 0 ? `+${value.toFixed(2)}` : value.toFixed(2))
const printFigure = (figure: PaperFigure | null | undefined) => {
  if (figure === null || figure === undefined) return ''
  return figure.std === null ? number(figure.mean) : `${number(figure.mean)} ± ${number(figure.std)}`
}
const cost = (flops: number | null | undefined) => (flops === null || flops === undefined ? '' : number(flops / 1e8))
const millions = (count: number | null | undefined) =>
  count === null || count === undefined ? '' : number(count / 1e6, 1)

/** In their order; one whose cells are all empty is left out. */
const COLUMNS: readonly Column[] = [
  { head: 'method', cell: ({ method }) => method },
  { head: 'on', cell: ({ on }, { rows }) => (rows.some((row) => row.on !== on) ? on : '') },
  { head: 'paper, %', cell: ({ paper }) => printFigure(paper?.error) },
  { head: 'ours, %', cell: ({ result }) => number(result?.error.mean) },
  { head: '± branches', cell: ({ result }) => number(result?.error.overBranches) },
  { head: '± seeds', cell: ({ result }) => number(result?.error.overSeeds) },
  {
    head: 'ours - paper',
    cell: ({ paper, result }) => (paper?.error && result ? signed(result.error.mean - paper.error.mean) : ''),
  },
  { head: 'against the first', cell: againstFirst },
  { head: 'paper, top-5 %', cell: ({ paper }) => printFigure(paper?.top5) },
  {
    head: 'ours, top-5 %',
    cell: ({ paper, result }, table) => (wantsTop5(table) ? number(paper && result?.top5.mean) : ''),
  },
  { head: 'paper, TrCost', cell: ({ paper }) => cost(paper?.trainFlops) },
  { head: 'TrCost', cell: ({ result }) => cost(result?.cost?.trainFlops) },
  { head: 'paper, TeCost', cell: ({ paper }) => cost(paper?.testFlops) },
  { head: 'TeCost', cell: ({ result }) => cost(result?.cost?.testFlops) },
  { head: 'paper, params M', cell: ({ paper }) => millions(paper?.parameters) },
  { head: 'params M', cell: ({ result }) => millions(result?.cost?.parameters) },
  { head: 'seeds', cell: ({ result }) => result?.seeds.join(' ') ?? '' },
  {
    head: 'paper on CIFAR100, %',
    cell: ({ elsewhere }) => (elsewhere ? `${number(elsewhere.error)} (${elsewhere.on})` : ''),
  },
  { head: 'not as in the recipe', cell: ({ result }) => result?.differences ?? '' },
]

/**
 * In our own sets rows are compared with the table's first, the vanilla network: with its result of the same length and
 * precision, as a difference of the schedule is none of the method.
 */
function againstFirst({ result }: ResultRow, { name, rows }: ResultTable): string {
  if (/^(table|figure)\d|^other$/.test(name) || result === null) return ''
  const first = rows.find((row) => row.method === rows[0]?.method && row.result?.differences === result.differences)
  return !first?.result || first.result === result ? '' : signed(result.error.mean - first.result.error.mean)
}

const wantsTop5 = ({ rows }: ResultTable) => rows.some(({ paper }) => paper?.top5 != null)

export interface TextCells {
  readonly head: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** A table as a person reads it. */
export function readableCells(table: ResultTable): TextCells {
  const columns = COLUMNS.filter(({ cell }) => table.rows.some((row) => cell(row, table) !== ''))
  return {
    head: columns.map(({ head }) => head),
    rows: table.rows.map((row) => columns.map(({ cell }) => cell(row, table))),
  }
}

/** All that is known, a fixed list of columns, numbers in full. */
export function exactCells(table: ResultTable): TextCells {
  const rows = table.rows.map((row) => exactValues(table.name, row))
  const head = Object.keys(rows[0] ?? {})
  return { head, rows: rows.map((row) => Object.values(row).map((value) => (value === null ? '' : String(value)))) }
}

function exactValues(table: string, { method, on, figure, paper, result }: ResultRow) {
  const { error = null, top5 = null, cost = null } = result ?? {}
  return {
    table,
    method,
    on,
    figure,
    paper_error: paper?.error?.mean ?? null,
    paper_error_std: paper?.error?.std ?? null,
    error: error?.mean ?? null,
    error_std_branches: error?.overBranches ?? null,
    error_std_seeds: error?.overSeeds ?? null,
    paper_top5_error: paper?.top5?.mean ?? null,
    top5_error: top5?.mean ?? null,
    paper_train_flops: paper?.trainFlops ?? null,
    train_flops: cost?.trainFlops ?? null,
    paper_test_flops: paper?.testFlops ?? null,
    test_flops: cost?.testFlops ?? null,
    paper_parameters: paper?.parameters ?? null,
    parameters: cost?.parameters ?? null,
    seeds: result?.seeds.join(' ') ?? null,
    errors: result?.errors.join(' ') ?? null,
    differences: result?.differences ?? null,
    runs: result?.folders.join(' ') ?? null,
  }
}

/** RFC 4180: cells with commas, quotes or line ends in quotes. */
export function printCsv({ head, rows }: TextCells): string {
  const cell = (text: string) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)
  return [head, ...rows].map((row) => `${row.map(cell).join(',')}\r\n`).join('')
}

export function printMarkdown({ head, rows }: TextCells): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('')
}
