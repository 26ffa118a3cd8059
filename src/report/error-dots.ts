/** Results side by side: a row a method, a dot a seed, a bar at their mean. */
import { axis, escapeHtml, printTick, WIDTH } from './line-chart.ts'
import type { ResultTable } from './result-tables.ts'
import { svgFile } from './standalone-svg.ts'

export interface DotChart {
  readonly title: string
  readonly xLabel: string
  readonly rows: readonly { readonly name: string; readonly values: readonly number[] }[]
}

const LEFT = 210
const RIGHT = 24
const ROW = 24
const BOTTOM = 44

/** The table's rows that have a result; null where fewer than two have. */
export function dotsOf({ rows }: ResultTable, title: string): DotChart | null {
  const several = new Set(rows.map(({ on }) => on)).size > 1
  const shown = rows.flatMap(({ method, on, result }) =>
    result === null ? [] : [{ name: several ? `${method}, ${on}` : method, values: result.errors }],
  )
  return shown.length < 2
    ? null
    : { title, xLabel: 'top-1 test error, %: a dot a seed, a bar at the mean', rows: shown }
}

/** As a `<figure>` of a page. */
export function drawDots(chart: DotChart): string {
  const { picture, height } = drawRows(chart)
  return (
    `<figure><figcaption>${escapeHtml(chart.title)}</figcaption>` +
    `<svg viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escapeHtml(chart.title)}">${picture}</svg></figure>\n`
  )
}

/** As a file of its own. */
export function drawDotsFile(chart: DotChart): string {
  const { picture, height } = drawRows(chart)
  return svgFile(chart.title, '', picture, { width: WIDTH, height, legendHeight: 0 })
}

function drawRows({ rows, xLabel }: DotChart): { picture: string; height: number } {
  const bottom = rows.length * ROW
  const x = axis(
    rows.flatMap(({ values }) => values),
    false,
    LEFT,
    WIDTH - RIGHT,
  )
  const grid = x.ticks.map((tick) => {
    const at = x.place(tick).toFixed(1)
    return (
      `<line class="grid" x1="${at}" x2="${at}" y1="0" y2="${bottom}"/>` +
      `<text x="${at}" y="${bottom + 16}" text-anchor="middle">${printTick(tick)}</text>`
    )
  })
  const marks = rows.map(({ name, values }, row) => {
    const y = row * ROW + ROW / 2
    const mean = x.place(values.reduce((sum, value) => sum + value, 0) / values.length).toFixed(1)
    const dots = values.map(
      (value) =>
        `<circle class="c0" cx="${x.place(value).toFixed(1)}" cy="${y}" r="3.5"><title>${value.toFixed(2)}</title></circle>`,
    )
    return (
      `<text x="${LEFT - 10}" y="${y}" dy="0.35em" text-anchor="end">${escapeHtml(name)}</text>` +
      `<path class="main" d="M${mean} ${y - 8}V${y + 8}"/>${dots.join('')}`
    )
  })
  const label = `<text class="label" x="${(LEFT + WIDTH - RIGHT) / 2}" y="${bottom + 36}" text-anchor="middle">${escapeHtml(xLabel)}</text>`
  return { picture: `${grid.join('')}${marks.join('')}${label}`, height: bottom + BOTTOM }
}
