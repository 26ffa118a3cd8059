/** Curves as an SVG picture, coloured by the CSS variables of the page around it (report-page.ts). */

export interface Series {
  /** Empty for one more curve of the kind before it, which the legend leaves out. */
  readonly name: string
  /** x ascending; a y that is not finite breaks the line. */
  readonly points: readonly (readonly [x: number, y: number])[]
  /** `main` = drawn in the text's colour and thicker; a number = a colour of the palette. */
  readonly colour: number | 'main'
  /** Whether a value holds until the next one: drawn as steps, not as slopes. */
  readonly stepped?: boolean
}

export interface Chart {
  readonly title: string
  readonly xLabel: string
  readonly yLabel: string
  /** Whether the y axis begins at 0 whatever the data. */
  readonly fromZero: boolean
  readonly series: readonly Series[]
}

export const WIDTH = 640
export const HEIGHT = 300
const MARGIN = { left: 56, right: 26, top: 10, bottom: 40 }
/** Points a line is drawn with at most; more would only be bytes. */
const MAX_POINTS = 500
/** Colours in the page's palette. */
const PALETTE_SIZE = 6

/** The chart as a `<figure>`: title, legend where it has more than one curve, picture. Empty where there is no point. */
export function drawChart(chart: Chart): string {
  const picture = drawPicture(chart)
  if (picture === '') return ''
  return (
    `<figure><figcaption>${escapeHtml(chart.title)}</figcaption>${legend(chart.series)}` +
    `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(describe(chart))}">${picture}</svg></figure>\n`
  )
}

/** The title and where each curve has come to, for who does not see it. */
function describe({ title, series, xLabel }: Chart): string {
  const ends = series.flatMap(({ name, points }) => {
    const last = points.findLast(([, y]) => Number.isFinite(y))
    return last === undefined ? [] : [`${name} ${printTick(last[1])} at ${xLabel} ${printTick(last[0])}`]
  })
  return `${title}: ${ends.join('; ')}`
}

/** Axes and curves, WIDTH x HEIGHT, as SVG elements. */
export function drawPicture(chart: Chart): string {
  const series = chart.series.map((one) => ({ ...one, points: thinOut(one.points, one.stepped === true) }))
  const points = series.flatMap((one) => one.points).filter(([, y]) => Number.isFinite(y))
  if (points.length === 0) return ''
  const x = axis(
    points.map((point) => point[0]),
    false,
    MARGIN.left,
    WIDTH - MARGIN.right,
  )
  const y = axis(
    points.map((point) => point[1]),
    chart.fromZero,
    HEIGHT - MARGIN.bottom,
    MARGIN.top,
  )
  const grid = y.ticks.map((tick) => {
    const at = y.place(tick).toFixed(1)
    return (
      `<line class="grid" x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${at}" y2="${at}"/>` +
      `<text x="${MARGIN.left - 8}" y="${at}" dy="0.35em" text-anchor="end">${printTick(tick)}</text>`
    )
  })
  const marks = x.ticks.map(
    (tick) =>
      `<text x="${x.place(tick).toFixed(1)}" y="${HEIGHT - MARGIN.bottom + 18}" text-anchor="middle">${printTick(tick)}</text>`,
  )
  const labels =
    `<text class="label" x="${(MARGIN.left + WIDTH - MARGIN.right) / 2}" y="${HEIGHT - 4}" text-anchor="middle">${escapeHtml(chart.xLabel)}</text>` +
    `<text class="label" transform="translate(12 ${(MARGIN.top + HEIGHT - MARGIN.bottom) / 2}) rotate(-90)" text-anchor="middle">${escapeHtml(chart.yLabel)}</text>`
  const curves = series.map((one) => drawSeries(one, x.place, y.place))
  return `${grid.join('')}${marks.join('')}${labels}${curves.join('')}`
}

/** Text as it may stand in HTML, in an attribute too. */
export function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

function drawSeries(series: Series, placeX: (x: number) => number, placeY: (y: number) => number): string {
  const name = className(series.colour)
  let path = ''
  let drawing = false
  for (const [x, y] of series.points) {
    const [left, top] = [placeX(x).toFixed(1), placeY(y).toFixed(1)]
    if (Number.isFinite(y))
      path += drawing && series.stepped ? `H${left}V${top}` : `${drawing ? 'L' : 'M'}${left} ${top}`
    drawing = Number.isFinite(y)
  }
  // Few points are worth a dot each, with its value where the mouse rests on it.
  const dots = series.points.length > 40 ? [] : series.points.filter(([, y]) => Number.isFinite(y))
  const circles = dots.map(
    ([x, y]) =>
      `<circle class="${name}" cx="${placeX(x).toFixed(1)}" cy="${placeY(y).toFixed(1)}" r="3">` +
      `<title>${escapeHtml(series.name)}: ${printTick(y)} at ${printTick(x)}</title></circle>`,
  )
  return `<path class="${name}" d="${path}"><title>${escapeHtml(series.name)}</title></path>${circles.join('')}`
}

function legend(series: readonly Series[]): string {
  if (series.length < 2) return ''
  const named = series.filter(({ name }) => name !== '')
  const items = named.map(({ name, colour }) => `<li>${keyLine(colour)}${escapeHtml(name)}</li>`)
  return `<ul class="legend">${items.join('')}</ul>`
}

/** A piece of the curve, for a legend. */
function keyLine(colour: Series['colour']): string {
  return `<svg class="key" viewBox="0 0 28 8" aria-hidden="true"><path class="${className(colour)}" d="M0 4h28"/></svg>`
}

/** CSS classes of a curve: its colour, and its dashes, by which curves are told apart without colours. */
export function className(colour: Series['colour']): string {
  if (colour === 'main') return 'main'
  const dashes = (colour + Math.floor(colour / PALETTE_SIZE)) % PALETTE_SIZE
  return `c${colour % PALETTE_SIZE} d${dashes}`
}

/** Linear axis over the values, its ends on round ticks; a single value gets room on both sides. */
export function axis(values: readonly number[], fromZero: boolean, start: number, end: number) {
  let low = values.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY)
  let high = values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY)
  if (fromZero) low = Math.min(0, low)
  if (low === high) {
    const room = Math.abs(low) * 0.1 || 1
    low -= fromZero && low === 0 ? 0 : room
    high += room
  }
  const step = roundStep((high - low) / 5)
  const first = Math.floor(low / step + 1e-9)
  const last = Math.ceil(high / step - 1e-9)
  const ticks = Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step)
  const scale = (end - start) / ((last - first) * step)
  return { ticks, place: (value: number) => start + (value - first * step) * scale }
}

/** The least of 1, 2, 5 x 10^k that is not below `least`. */
function roundStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least))
  for (const factor of [1, 2, 5]) if (factor * power >= least * (1 - 1e-9)) return factor * power
  return 10 * power
}

/** A number as an axis has it. */
export function printTick(value: number): string {
  if (value === 0) return '0'
  const size = Math.abs(value)
  if (size < 1e-3 || size >= 1e6) return value.toExponential(2).replace(/\.?0+e/, 'e')
  return String(Number(value.toPrecision(5)))
}

/** At most MAX_POINTS points, each the mean of as many neighbours, or the first of them. */
function thinOut(points: Series['points'], first: boolean): Series['points'] {
  if (points.length <= MAX_POINTS) return points
  const size = Math.ceil(points.length / MAX_POINTS)
  if (first) return points.filter((_, place) => place % size === 0)
  const thin: [number, number][] = []
  for (let begin = 0; begin < points.length; begin += size) {
    const bucket = points.slice(begin, begin + size)
    const mean = (pick: 0 | 1) => bucket.reduce((sum, point) => sum + point[pick], 0) / bucket.length
    thin.push([mean(0), mean(1)])
  }
  return thin
}
