/** A picture as a file of its own: dark on white, legend inside, no style from outside. */
import { type Chart, className, drawPicture, escapeHtml, HEIGHT, WIDTH } from './line-chart.ts'
import { COLOURS, DASH_RULES } from './report-page.ts'

const LINE = 18
const TITLE_HEIGHT = 26
const LEGEND_COLUMNS = 3

/** The whole of an .svg file of a chart; empty where the chart has no point. */
export function drawSvgFile(chart: Chart): string {
  const picture = drawPicture(chart)
  if (picture === '') return ''
  const legend = chart.series.length > 1 ? chart.series.filter(({ name }) => name !== '') : []
  const items = legend.map(({ name, colour }, index) => {
    const x = 12 + (index % LEGEND_COLUMNS) * (WIDTH / LEGEND_COLUMNS)
    const y = TITLE_HEIGHT + Math.floor(index / LEGEND_COLUMNS) * LINE + LINE / 2
    return (
      `<path class="${className(colour)}" d="M${x} ${y}h16"/>` +
      `<text x="${x + 22}" y="${y}" dy="0.35em">${escapeHtml(name)}</text>`
    )
  })
  const legendHeight = Math.ceil(legend.length / LEGEND_COLUMNS) * LINE
  return svgFile(chart.title, items.join(''), picture, { width: WIDTH, height: HEIGHT, legendHeight })
}

/** Title, legend and picture below each other; sizes are those of the picture, `legendHeight` that of the legend. */
export function svgFile(
  title: string,
  legend: string,
  picture: string,
  { width, height, legendHeight }: { readonly width: number; readonly height: number; readonly legendHeight: number },
): string {
  const top = TITLE_HEIGHT + legendHeight
  const whole = height + top
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${whole}" viewBox="0 0 ${width} ${whole}">\n` +
    `<style>${STYLE}</style>\n<rect width="100%" height="100%" fill="#fff"/>\n` +
    `<text class="title" x="12" y="18">${escapeHtml(title)}</text>${legend}\n` +
    `<g transform="translate(0 ${top})">${picture}</g>\n</svg>\n`
  )
}

const STYLE = [
  'text { fill: #6b6a64; font: 12px system-ui, sans-serif; } .title { fill: #1c1c1a; font-size: 14px; font-weight: 600; }',
  '.grid { stroke: #e2e1db; } path { fill: none; stroke-width: 1.8; stroke-linejoin: round; }',
  DASH_RULES,
  'path.main { stroke: #1c1c1a; stroke-width: 2.4; } circle.main { fill: #1c1c1a; }',
  ...COLOURS.map((colour, c) => `path.c${c} { stroke: ${colour}; } circle.c${c} { fill: ${colour}; }`),
].join('\n')
