/** Errors over the epochs: figure 2 of the paper for one result, and results of a table beside each other. */
import type { TableRow } from '../config/recipe.ts'
import { classifierNames } from './classifier-names.ts'
import type { Chart, Series } from './line-chart.ts'
import type { ErrorSummary } from './metrics.ts'
import { figureOf } from './result-tables.ts'
import type { RunGroup } from './run-groups.ts'
import type { RunResult } from './run-result.ts'

type Split = 'train' | 'test'
type Points = Series['points']

/** Test and training error of each branch and of the teacher, means over the seeds. */
export function figure2Charts(group: RunGroup, name: string): Chart[] {
  const names = classifierNames(group.config)
  return (['test', 'train'] as const).map((split) => {
    const branches = Math.max(0, ...group.runs.flatMap((run) => errorsOf(run, split).map(([, e]) => e.branches.length)))
    const series: Series[] = Array.from({ length: branches }, (_, branch) => ({
      name: branches === 1 ? 'network' : `${names.member} ${branch}`,
      colour: branch,
      points: meanPoints(group, split, ({ branches }) => branches[branch] ?? null),
    }))
    const teacher = meanPoints(group, split, ({ teacher }) => teacher)
    if (teacher.length > 0) series.push({ name: names.ensemble, colour: 'main', points: teacher })
    return errorChart(`${split === 'test' ? 'Test' : 'Training'} error: ${name}`, series)
  })
}

/** A result that a chart shows beside others. */
export interface NamedGroup {
  readonly name: string
  readonly group: RunGroup
  readonly figure: TableRow['figure']
}

/** Test error of several results, means over the seeds. */
export function comparisonChart(title: string, results: readonly NamedGroup[]): Chart {
  const series = results.map(({ name, group, figure }, place) => ({
    name,
    colour: place,
    points: meanPoints(group, 'test', (errors) => {
      const error = figureOf(errors, figure)
      return Number.isNaN(error) ? null : error
    }),
  }))
  return errorChart(title, series)
}

function errorChart(title: string, series: readonly Series[]): Chart {
  return { title, xLabel: 'epoch', yLabel: 'top-1 error, %', fromZero: false, series }
}

/** Points of the epochs that all runs of the group have. */
function meanPoints(group: RunGroup, split: Split, pick: (errors: ErrorSummary) => number | null): Points {
  const curves = group.runs.map((run) => new Map(errorsOf(run, split).map(([epoch, errors]) => [epoch, pick(errors)])))
  const [first, ...others] = curves
  if (first === undefined) return []
  return [...first].flatMap(([epoch, error]) => {
    const errors = [error, ...others.map((curve) => curve.get(epoch) ?? null)]
    const known = errors.filter((one) => one !== null)
    if (known.length < errors.length) return []
    return [[epoch, known.reduce((sum, one) => sum + one, 0) / known.length] as const]
  })
}

/** Epochs done, from 1, with the errors after them; training errors are those of the epoch while it went on. */
function errorsOf({ lines }: RunResult, split: Split): (readonly [epoch: number, errors: ErrorSummary])[] {
  return lines.flatMap((line) => {
    if (split === 'test')
      return line.kind === 'eval' && line.split === 'test' ? [[line.epoch + 1, line.top1_error]] : []
    return line.kind === 'epoch' && line.top1_error !== undefined ? [[line.epoch + 1, line.top1_error]] : []
  })
}
