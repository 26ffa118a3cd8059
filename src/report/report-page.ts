/** The page around a report: its frame and its style, light and dark, no request to anywhere. */
import { escapeHtml } from './line-chart.ts'
import type { ChartAxis } from './run-charts.ts'

/** Of curves on white paper; the page has others for the dark. */
export const COLOURS = ['#2a78d6', '#c2571a', '#1b8a5a', '#8a4fc4', '#a87700', '#c43d77'] as const

/** Of curves; none for the first. */
const DASHES = ['none', '8 4', '2 3', '8 3 2 3', '14 4', '4 2'] as const
export const DASH_RULES = DASHES.map((dashes, d) => `path.d${d} { stroke-dasharray: ${dashes}; }`).join(' ')

const COLOUR_RULES = COLOURS.map(
  (_, c) => `path.c${c} { stroke: var(--c${c}); } circle.c${c} { fill: var(--c${c}); }`,
).join('\n')

/** For all pages of the package. */
const PAGE_STYLE = `
:root { color-scheme: light dark; --paper: #fcfcfb; --ink: #1c1c1a; --soft: #6b6a64; --rule: #e2e1db;
  ${COLOURS.map((colour, c) => `--c${c}: ${colour};`).join(' ')} }
@media (prefers-color-scheme: dark) { :root { --paper: #191918; --ink: #efeee9; --soft: #9d9b93; --rule: #383733;
  --c0: #5a9ff0; --c1: #e8854a; --c2: #45b883; --c3: #b286e6; --c4: #d1a32c; --c5: #ea73a4; } }
body { margin: 0 auto; max-width: 1360px; padding: 24px; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 24px; margin: 0; } h2 { font-size: 17px; margin: 32px 0 8px; }
.subtitle { color: var(--soft); margin: 2px 0 20px; }
.figures { display: flex; flex-wrap: wrap; gap: 12px 40px; margin: 0; }
.figures dt { color: var(--soft); font-size: 13px; } .figures dd { margin: 0; font-size: 24px; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(480px, 100%), 1fr)); gap: 24px 32px; }
figure { margin: 0; } figcaption { font-weight: 600; }
svg { width: 100%; height: auto; } svg text { fill: var(--soft); font-size: 12px; }
.grid { stroke: var(--rule); } path { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
${DASH_RULES}
path.main { stroke: var(--ink); stroke-width: 2.4; } circle.main { fill: var(--ink); }
.legend { display: flex; flex-wrap: wrap; gap: 2px 16px; list-style: none; margin: 2px 0; padding: 0; font-size: 13px; }
svg.key { width: 28px; height: 8px; margin-right: 6px; vertical-align: middle; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 3px 20px 3px 0; text-align: left; border-bottom: 1px solid var(--rule); vertical-align: top; }
th { font-weight: 600; } td.number, th.number { text-align: right; } td { overflow-wrap: anywhere; }
.tables { display: flex; flex-wrap: wrap; gap: 0 56px; }
img { max-width: 100%; image-rendering: pixelated; }
h3 { font-size: 15px; margin: 20px 0 4px; } h4 { font-size: 13px; font-weight: 600; color: var(--soft); margin: 8px 0 4px; }
.scroll { overflow: auto; max-height: 30em; max-width: 100%; } .scroll th { position: sticky; top: 0; background: var(--paper); }
caption { text-align: left; } .axis { border: 0; margin: 16px 0 8px; padding: 0; display: flex; gap: 16px; } .axis legend { float: left; color: var(--soft); }
.of-step { display: none; } .only { display: grid; }
body:has(input[name=axis][value=step]:checked) .of-step { display: grid; }
body:has(input[name=axis][value=step]:checked) .of-epoch { display: none; }
.confusion caption { color: var(--soft); font-size: 13px; }
.confusion td, .confusion th { padding: 2px 6px; text-align: center; font-size: 13px; } .confusion th[scope=row] { text-align: right; }
.confusion th[scope=col] span { writing-mode: vertical-rl; transform: rotate(180deg); }
.confusion td { background: color-mix(in srgb, var(--c1) var(--part, 0%), transparent); }
.confusion td.right { background: color-mix(in srgb, var(--c0) var(--part, 0%), transparent); }
.samples { position: relative; display: inline-block; line-height: 0; }
.samples span { position: absolute; padding: 0 3px; font-size: 11px; line-height: 1.4; background: #000a; color: #fff;
  white-space: nowrap; overflow: hidden; text-overflow: ellipsis; box-sizing: border-box; }
:focus-visible { outline: 2px solid var(--c0); outline-offset: 2px; }
${COLOUR_RULES}
`
/** @param body HTML below the title */
export function htmlPage(title: string, subtitle: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>${escapeHtml(title)}</title>
<style>${PAGE_STYLE}</style>
</head>
<body>
<h1>${escapeHtml(title)}</h1>
<p class="subtitle">${escapeHtml(subtitle)}</p>
${body}</body>
</html>
`
}

/** Names and values in large type. */
export function keyFigures(figures: readonly (readonly [name: string, value: string])[]): string {
  const items = figures.map(([name, value]) => `<div><dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd></div>`)
  return `<dl class="figures">${items.join('')}</dl>\n`
}

/** What the x axis of the page's charts counts. */
export const AXIS_CHOICE =
  '<fieldset class="axis"><legend>x axis:&nbsp;</legend><label><input type="radio" name="axis" value="epoch" checked> epochs</label>' +
  '<label><input type="radio" name="axis" value="step"> steps</label></fieldset>\n'

/** Charts by their axis, of which the page shows those that are chosen. */
export function axisCharts(drawn: readonly (readonly [axis: ChartAxis, charts: string])[]): string {
  return drawn
    .map(([axis, charts]) => `<div class="charts ${drawn.length > 1 ? `of-${axis}` : 'only'}">\n${charts}</div>\n`)
    .join('')
}

/** What may be too large for the page: the keyboard reaches and scrolls it. */
export function scrolled(html: string, label: string): string {
  return `<div class="scroll" tabindex="0" role="region" aria-label="${escapeHtml(label)}">${html}</div>\n`
}

/** A table of text; all columns but the first are numbers where `numbers` says so. */
export function htmlTable(head: readonly string[], rows: readonly (readonly string[])[], numbers: boolean): string {
  const cell = (tag: 'th' | 'td') => (text: string, column: number) =>
    `<${tag}${tag === 'th' ? ' scope="col"' : ''}${numbers && column > 0 ? ' class="number"' : ''}>${escapeHtml(text)}</${tag}>`
  const headRow = head.length > 0 ? `<tr>${head.map(cell('th')).join('')}</tr>` : ''
  return `<table>${headRow}${rows.map((row) => `<tr>${row.map(cell('td')).join('')}</tr>`).join('')}</table>\n`
}
