/** Figure 3: curves over the distance, a curve a direction, a colour a run; as SVG and CSV. */
import { basename } from 'node:path'
import type { Chart, Series } from './line-chart.ts'
import { type ProbedPoint, ROBUSTNESS_FILE, type RobustnessResult } from './robustness-result.ts'
import { drawSvgFile } from './standalone-svg.ts'
import { printCsv } from './table-columns.ts'

const MEASURES = [
  { name: 'test-error', title: 'Test error', yLabel: 'top-1 error, %', of: ({ test }: ProbedPoint) => test.error },
  {
    name: 'train-error',
    title: 'Training error',
    yLabel: 'top-1 error, %',
    of: ({ train }: ProbedPoint) => train.error,
  },
  {
    name: 'train-cross-entropy',
    title: 'Training cross-entropy',
    yLabel: 'cross-entropy',
    of: ({ train }: ProbedPoint) => train.cross_entropy,
  },
  {
    name: 'test-cross-entropy',
    title: 'Test cross-entropy',
    yLabel: 'cross-entropy',
    of: ({ test }: ProbedPoint) => test.cross_entropy,
  },
] as const

/** By file name without ending. @param results runs in one picture */
export function robustnessCharts(results: readonly RobustnessResult[]): Map<string, Chart> {
  return new Map(
    MEASURES.map(({ name, title, yLabel, of }) => [
      `robustness-${name}`,
      {
        title: `${title} at theta + d v`,
        xLabel: 'd',
        yLabel,
        fromZero: false,
        series: results.flatMap((result, colour) => curvesOf(result, colour, of)),
      },
    ]),
  )
}

/** A curve a direction; the first carries the run's name in the legend. */
function curvesOf(result: RobustnessResult, colour: number, of: (point: ProbedPoint) => number | null): Series[] {
  const origin = result.points.filter(({ direction }) => direction === null)
  const directions = [...new Set(result.points.flatMap(({ direction }) => direction ?? []))]
  return directions.map((direction, place) => ({
    name: place === 0 ? `${result.method}: ${basename(result.run)}` : '',
    colour,
    points: [...origin, ...result.points.filter((point) => point.direction === direction)].map(
      (point) => [point.distance, of(point) ?? Number.NaN] as const,
    ),
  }))
}

/** Files by name: JSON, CSV and SVG of one run. */
export function robustnessFiles(result: RobustnessResult): Map<string, string> {
  return new Map([
    [ROBUSTNESS_FILE, `${JSON.stringify(result, null, 2)}\n`],
    ['robustness.csv', robustnessCsv([result])],
    ...robustnessPictures([result]),
  ])
}

export function robustnessPictures(results: readonly RobustnessResult[]): [name: string, svg: string][] {
  return [...robustnessCharts(results)].map(([name, chart]) => [`${name}.svg`, drawSvgFile(chart)])
}

export function robustnessCsv(results: readonly RobustnessResult[]): string {
  const head = ['run', 'method', 'direction', 'distance']
  const values = ['train_error', 'train_cross_entropy', 'test_error', 'test_cross_entropy']
  const rows = results.flatMap(({ run, method, points }) =>
    points.map(({ direction, distance, train, test }) => [
      ...[run, method, direction ?? '', distance],
      ...[train.error, train.cross_entropy ?? '', test.error, test.cross_entropy ?? ''],
    ]),
  )
  return printCsv({ head: [...head, ...values], rows: rows.map((row) => row.map(String)) })
}
