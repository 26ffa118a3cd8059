/** Several runs beside each other: results, settings that differ, errors of each class, curves. */
import { classErrors } from '../report/class-counts.ts'
import { bestEvaluation } from '../report/epoch-table.ts'
import { type Chart, drawChart, type Series } from '../report/line-chart.ts'
import type { MetricsLine } from '../report/metrics.ts'
import { axisCharts, htmlTable, scrolled } from '../report/report-page.ts'
import { axesOf, type ChartAxis, placeOn } from '../report/run-charts.ts'
import { lastTest } from '../report/run-sections.ts'
import type { RunView } from '../report/run-view.ts'

export interface NamedRun {
  readonly name: string
  readonly view: RunView
}

/** HTML below the title. */
export function sideBySide(runs: readonly NamedRun[]): string {
  const axes = (['epoch', 'step'] as const).filter((axis) => runs.every(({ view }) => axesOf(view).includes(axis)))
  const drawn = axes.map((axis) => [axis, chartsOf(runs, axis).map(drawChart).join('')] as const)
  return [
    `<h2>Results</h2>\n${scrolled(resultTable(runs), 'Results')}`,
    `<h2>Curves</h2>\n${axisCharts(drawn)}`,
    classTable(runs),
    differingSettings(runs),
  ].join('')
}

function resultTable(runs: readonly NamedRun[]): string {
  const rows = runs.map(({ name, view }) => {
    const last = lastTest(view.lines)
    const best = bestEvaluation(view.lines)
    const speed = view.lines.filter((line) => line.kind === 'epoch').at(-1)?.images_per_second
    return [
      name,
      last === undefined ? '' : `${last.epoch + 1}`,
      last?.top1_error.mean.toFixed(2) ?? '',
      last?.top1_error.teacher?.toFixed(2) ?? '',
      last?.top5_error.mean.toFixed(2) ?? '',
      best === null ? '' : `${best.top1_error.mean.toFixed(2)} (epoch ${best.epoch + 1})`,
      speed === undefined ? '' : `${Math.round(speed)}`,
    ]
  })
  return htmlTable(['run', 'epoch', 'test error, %', 'ensemble, %', 'top-5, %', 'best, %', 'images/s'], rows, true)
}

function chartsOf(runs: readonly NamedRun[], axis: ChartAxis): Chart[] {
  const chart = (
    title: string,
    yLabel: string,
    fromZero: boolean,
    pick: (line: MetricsLine) => number | null,
  ): Chart => {
    const series = runs.map(({ name, view }, colour): Series => {
      const place = placeOn(axis, view)
      const points = view.lines.flatMap((line): [number, number][] => {
        const value = pick(line)
        return value === null ? [] : [[place(line), value]]
      })
      return { name, colour, points }
    })
    return { title, xLabel: axis, yLabel, fromZero, series }
  }
  return [
    chart('Test error', 'top-1 error, %', false, (line) =>
      line.kind === 'eval' && line.split === 'test' ? line.top1_error.mean : null,
    ),
    chart('Training error, while each epoch went on', 'top-1 error, %', false, (line) =>
      line.kind === 'epoch' ? (line.top1_error?.mean ?? null) : null,
    ),
    chart('Training loss of single steps', 'loss', true, (line) => (line.kind === 'step' ? line.loss : null)),
    chart('Speed', 'images/s', true, (line) => (line.kind === 'step' ? line.images_per_second : null)),
  ]
}

/** Of the deployed classifier; empty where no run has errors of its classes. */
function classTable(runs: readonly NamedRun[]): string {
  const errors = runs.map(({ view: { classes } }) => {
    const deployed = classes?.classifiers[0]
    if (classes === null || deployed === undefined) return new Map<string, number>()
    return new Map(classErrors(classes.classes, deployed).map(({ label, error }) => [label, error]))
  })
  const labels = [...new Set(errors.flatMap((one) => [...one.keys()]))].sort()
  if (labels.length === 0) return ''
  const rows = labels.map((label) => [label, ...errors.map((one) => one.get(label)?.toFixed(1) ?? '')])
  const head = ['class', ...runs.map(({ name }) => name)]
  return `<h2>Error of each class, percent</h2>\n${scrolled(htmlTable(head, rows, true), 'Error of each class')}`
}

function differingSettings(runs: readonly NamedRun[]): string {
  const keys = [...new Set(runs.flatMap(({ view }) => Object.keys(view.config)))].filter((key) => key !== 'out')
  const rows = keys.flatMap((key) => {
    const values = runs.map(({ view }) => JSON.stringify(view.config[key]) ?? '')
    return new Set(values).size === 1 ? [] : [[key, ...values]]
  })
  if (rows.length === 0) return '<h2>Settings that differ</h2>\n<p>None.</p>\n'
  const table = htmlTable(['setting', ...runs.map(({ name }) => name)], rows, false)
  return `<h2>Settings that differ</h2>\n${scrolled(table, 'Settings that differ')}`
}
