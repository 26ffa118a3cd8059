/** The report of several runs: tables beside the paper's, curves, as HTML, CSV, Markdown and SVG. */
import { TABLE_TITLES } from '../config/recipes/table-titles.ts'
import { comparisonChart, figure2Charts, type NamedGroup } from './error-curves.ts'
import { type DotChart, dotsOf, drawDots, drawDotsFile } from './error-dots.ts'
import { type Chart, drawChart, escapeHtml } from './line-chart.ts'
import { htmlPage, htmlTable } from './report-page.ts'
import { type CostOf, type ResultRow, type ResultTable, tabulate } from './result-tables.ts'
import { robustnessCharts } from './robustness-files.ts'
import { readRobustness } from './robustness-result.ts'
import { countedRuns, groupRuns, nameGroup, type RunGroup, recipeRows } from './run-groups.ts'
import { type RunResult, readRun } from './run-result.ts'
import { drawSvgFile } from './standalone-svg.ts'
import { exactCells, printCsv, printMarkdown, readableCells } from './table-columns.ts'
import { writeWhole } from './write-whole.ts'

export interface Comparison {
  readonly tables: readonly ResultTable[]
  /** By file name without ending. */
  readonly charts: ReadonlyMap<string, Chart>
  /** Results of a table side by side, by file name without ending. */
  readonly dots: ReadonlyMap<string, DotChart>
  /** What a reader has to know of the runs, a sentence each. */
  readonly notes: readonly string[]
}

/** @param folders of runs, each once. @throws UserFault where one holds no run, or damaged files */
export async function compareRuns(folders: readonly string[], costOf: CostOf): Promise<Comparison> {
  const runs = await Promise.all(folders.map(readRun))
  const groups = groupRuns(runs)
  const tables = await tabulate(groups, await recipeRows(), costOf)
  const probed = (await Promise.all(folders.map(readRobustness))).filter((result) => result !== null)
  const figure3 = probed.length === 0 ? [] : [...robustnessCharts(probed)]
  const dots = tables.flatMap((table) => {
    const chart = dotsOf(table, titleOf(table))
    return chart === null ? [] : [[`${table.name}-errors`, chart] as const]
  })
  const charts = new Map([...chartsOf(tables, groups.map(withoutCutRuns)), ...figure3])
  return { tables, charts, dots: new Map(dots), notes: notesOf(runs, groups) }
}

/** Curves are means over the runs: those of cut runs would end where they do, so they are drawn only where there are no others. */
function withoutCutRuns(group: RunGroup): RunGroup {
  const runs = countedRuns(group)
  return runs.length === 0 ? group : { ...group, runs }
}

function notesOf(runs: readonly RunResult[], groups: readonly RunGroup[]): string[] {
  const notes: string[] = []
  const open = runs.filter(({ final }) => final === null)
  if (open.length > 0) notes.push(`Not at their end, and in no table: ${open.map(({ folder }) => folder).join(', ')}.`)
  const counted = new Set(groups.flatMap(countedRuns))
  const again = runs.filter((run) => run.final !== null && !counted.has(run))
  if (again.length > 0) {
    notes.push(
      `Of the settings and the seed of another run, and not counted: ${again.map(({ folder }) => folder).join(', ')}.`,
    )
  }
  const shortened = runs.filter(({ config }) => config.scale !== 1)
  if (shortened.length > 0) {
    const scales = [...new Set(shortened.map(({ config }) => config.scale))].sort((one, other) => one - other)
    notes.push(`${shortened.length} of ${runs.length} runs have a shortened schedule (--scale ${scales.join(', ')}).`)
  }
  notes.push(
    'Error: top-1 on the test images, percent, at the end of the run. ± branches: standard deviation over the branches ' +
      'of a run, mean over the seeds; ± seeds: standard deviation over runs that differ by their seed. TrCost, TeCost: ' +
      '1e8 FLOPs of one image through all that is trained, and through what is deployed.',
  )
  return notes
}

function chartsOf(tables: readonly ResultTable[], groups: readonly RunGroup[]): Map<string, Chart> {
  const charts = new Map<string, Chart>()
  const add = (name: string, chart: Chart) => {
    if (chart.series.some(({ points }) => points.length > 1)) charts.set(uniqueName(charts, fileName(name)), chart)
  }
  for (const table of tables) {
    const members = table.rows.flatMap((row): NamedGroup[] => {
      const group = groups.find(({ runs }) => runs.some(({ folder }) => row.result?.folders.includes(folder)))
      return group === undefined ? [] : [{ name: rowName(row, table), group, figure: row.figure }]
    })
    if (members.length > 1) add(`${table.name}-test-error`, comparisonChart(titleOf(table), members))
  }
  for (const group of groups) {
    const name = `${nameGroup(group)}, ${group.config.dataset}${fractionOf(group)}`
    const [test, train] = figure2Charts(group, name)
    if (test !== undefined) add(`curves-${name}-test`, test)
    if (train !== undefined) add(`curves-${name}-train`, train)
  }
  return charts
}

const titleOf = ({ name }: ResultTable) => TABLE_TITLES[name] ?? name
const rowName = ({ method, on }: ResultRow, { rows }: ResultTable) =>
  rows.some((row) => row.on !== on) ? `${method}, ${on}` : method
const fractionOf = ({ config }: RunGroup) => (config.trainFraction === 1 ? '' : `, ${100 * config.trainFraction} %`)
const fileName = (name: string) => name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')

function uniqueName(taken: ReadonlyMap<string, unknown>, name: string): string {
  let unique = name
  for (let n = 2; taken.has(unique); n++) unique = `${name}-${n}`
  return unique
}

/**
 * Writes report.html, tables.md, a CSV file a table and an SVG file a chart; other files there stay as they are.
 * @returns the paths, report.html first
 * @throws UserFault where the folder cannot be written
 */
export async function writeComparison(comparison: Comparison, folder: string): Promise<string[]> {
  const { tables, charts, dots } = comparison
  const files = new Map<string, string>([
    ['report.html', composePage(comparison)],
    ['tables.md', composeMarkdown(comparison)],
    ...tables.map((table) => [`${table.name}.csv`, printCsv(exactCells(table))] as const),
    ...[...dots].map(([name, chart]) => [`${name}.svg`, drawDotsFile(chart)] as const),
    ...[...charts].map(([name, chart]) => [`${name}.svg`, drawSvgFile(chart)] as const),
  ])
  const paths: string[] = []
  for (const [name, text] of files) paths.push(await writeWhole(folder, name, text))
  return paths
}

function composePage({ tables, charts, dots, notes }: Comparison): string {
  const sections = tables.map((table) => {
    const { head, rows } = readableCells(table)
    return `<h2>${escapeHtml(titleOf(table))}</h2>\n${htmlTable(head, rows, true)}`
  })
  const curves = [...charts.values()].map(drawChart).join('')
  const body = [
    ...notes.map((note) => `<p>${escapeHtml(note)}</p>\n`),
    ...sections,
    `<h2>Side by side</h2>\n<div class="charts">\n${[...dots.values()].map(drawDots).join('')}</div>\n`,
    `<h2>Curves</h2>\n<div class="charts">\n${curves}</div>\n`,
  ]
  return htmlPage('Runs beside the paper', 'native-ensemble report', body.join(''))
}

function composeMarkdown({ tables, notes }: Comparison): string {
  const sections = tables.map((table) => `## ${titleOf(table)}\n\n${printMarkdown(readableCells(table))}`)
  return `${[...sections, ...notes].join('\n')}\n`
}
