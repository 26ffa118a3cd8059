/** What is shown of one run, in its report and while `watch` shows it: figures, curves, tables, pictures. */
import type { ClassifierNames } from '../engine/methods/method-definition.ts'
import { classSection } from './class-section.ts'
import { classifierNames, methodTitle } from './classifier-names.ts'
import { bestEvaluation, epochTable } from './epoch-table.ts'
import { errorRows } from './error-table.ts'
import { drawChart, escapeHtml } from './line-chart.ts'
import type { EvalLine, MetricsLine } from './metrics.ts'
import { axisCharts, htmlTable, keyFigures } from './report-page.ts'
import { axesOf, runCharts } from './run-charts.ts'
import type { LooseSettings, RunView, SampleLabels } from './run-view.ts'

export interface SectionOptions {
  /** Stands before the charts where the page lets the axis be chosen. */
  readonly axisChoice: string
  /** Figures that come before the others. */
  readonly figures?: readonly (readonly [name: string, value: string])[]
  /** Address of the picture of the first batch; null where there is none. */
  readonly samples: string | null
}

/** HTML below the title. */
export function runSections(view: RunView, { axisChoice, figures = [], samples }: SectionOptions): string {
  const names = classifierNames(view.config)
  const drawn = axesOf(view).map((axis) => [axis, runCharts(view, names, axis).map(drawChart).join('')] as const)
  return [
    keyFigures([...figures, ...summary(view.lines, names)]),
    resultSection(view.lines, names),
    `<h2>Curves</h2>\n${drawn.length > 1 ? axisChoice : ''}${axisCharts(drawn)}`,
    epochTable(view.lines, names),
    classSection(view.classes, names),
    sampleSection(samples, view.sampleLabels),
    `<div class="tables"><div><h2>Settings</h2>\n${settingsTable(view.config)}</div>`,
    `<div><h2>Machine</h2>\n${settingsTable(view.machine)}</div></div>\n`,
  ].join('')
}

/** What a run trains, and how. */
export function runTitles(config: LooseSettings): [title: string, subtitle: string] {
  const word = (name: string) => String(config[name] ?? '')
  const scale =
    config['scale'] === undefined || config['scale'] === 1 ? '' : ` (${word('scale')} of the recipe's schedule)`
  const length = config['steps'] === null ? `${word('epochs')} epochs` : `${word('steps')} steps`
  return [
    `${word('network')}, ${methodTitle(config)}, on ${word('dataset')}`,
    `${length}${scale}, batch ${word('batch')}, ${word('precision')} on ${word('executor')} ${word('devices')}, seed ${word('seed')}`,
  ]
}

function summary(lines: readonly MetricsLine[], names: ClassifierNames): [string, string][] {
  const last = lastTest(lines)
  const epochs = lines.filter((line) => line.kind === 'epoch')
  const figures: [string, string][] = []
  if (last !== undefined) {
    const { mean, std, branches, teacher } = last.top1_error
    const deviation = branches.length > 1 ? ` ± ${std.toFixed(2)}` : ''
    figures.push([branches.length > 1 ? `Test error, ${names.mean}` : 'Test error', `${mean.toFixed(2)}${deviation} %`])
    if (teacher !== null) figures.push([`Test error, ${names.ensemble}`, `${teacher.toFixed(2)} %`])
  }
  const best = bestEvaluation(lines)
  if (best !== null) figures.push(['Best epoch', `${best.epoch + 1} (${best.top1_error.mean.toFixed(2)} %)`])
  if (epochs.length > 0) {
    const seconds = epochs.reduce((sum, { seconds }) => sum + seconds, 0)
    const images = epochs.reduce((sum, line) => sum + line.images_per_second * line.seconds, 0)
    figures.push(['Training speed', `${Math.round(images / seconds)} images/s`])
    figures.push(['Training time', printDuration(seconds)])
  }
  return figures
}

/** The last evaluation on the test images. */
export function lastTest(lines: readonly MetricsLine[]): EvalLine | undefined {
  return lines.filter((line) => line.kind === 'eval').findLast(({ split }) => split === 'test')
}

function printDuration(seconds: number): string {
  if (seconds < 120) return `${seconds.toFixed(1)} s`
  return seconds < 7200 ? `${(seconds / 60).toFixed(1)} min` : `${(seconds / 3600).toFixed(1)} h`
}

function resultSection(lines: readonly MetricsLine[], names: ClassifierNames): string {
  const last = lastTest(lines)
  if (last === undefined) return ''
  const rows = errorRows(last.top1_error, last.top5_error, names).map(({ name, top1, top5 }) => [name, top1, top5])
  const place = `after step ${last.step}, ${last.images} images`
  return `<h2>Test error, percent (${place})</h2>\n${htmlTable(['', 'top-1', 'top-5'], rows, true)}`
}

function sampleSection(source: string | null, labels: SampleLabels | null): string {
  if (source === null) return ''
  const names = labels === null ? '' : `: ${labels.labels.join(', ')}`
  const image = `<img alt="training images${escapeHtml(names)}" src="${escapeHtml(source)}">`
  const marks = labels === null ? '' : sampleMarks(labels)
  return `<h2>First training batch, as the network saw it</h2>\n<div class="samples">${image}${marks}</div>\n`
}

/** Names at the lower ends of the pictures; the text of the picture as a whole names them too. */
function sampleMarks({ columns, labels }: SampleLabels): string {
  const rows = Math.ceil(labels.length / columns)
  const marks = labels.map((label, image) => {
    const left = (100 * (image % columns)) / columns
    const bottom = 100 - (100 * (Math.floor(image / columns) + 1)) / rows
    const place = `left: ${left.toFixed(2)}%; bottom: ${bottom.toFixed(2)}%; max-width: ${(100 / columns).toFixed(2)}%`
    return `<span aria-hidden="true" style="${place}">${escapeHtml(label)}</span>`
  })
  return marks.join('')
}

function settingsTable(settings: LooseSettings): string {
  return htmlTable([], Object.entries(settings).flatMap(settingRows), false)
}

function settingRows([name, value]: readonly [string, unknown]): string[][] {
  if (value === null) return [[name, 'none']]
  if (Array.isArray(value)) return value.flatMap((member, place) => settingRows([`${name} ${place + 1}`, member]))
  if (typeof value === 'object')
    return Object.entries(value).flatMap(([inner, own]) => settingRows([`${name}: ${inner}`, own]))
  return [[name, String(value)]]
}
