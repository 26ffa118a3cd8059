/** Curves of one run over its epochs or its steps. */
import type { ClassifierNames } from '../engine/methods/method-definition.ts'
import { LABEL_TERM, readPartName } from '../vocabulary/classifiers.ts'
import type { Chart, Series } from './line-chart.ts'
import type { EpochLine, EvalLine, StepLine } from './metrics.ts'
import { type RunView, stepsPerEpoch } from './run-view.ts'

/** What the x axis counts. */
export type ChartAxis = 'epoch' | 'step'

/** Which axes a run can be drawn over: epochs only where it is known how long one is. */
export function axesOf(view: RunView): ChartAxis[] {
  return stepsPerEpoch(view) === null ? ['step'] : ['epoch', 'step']
}

/** Where a line of the metrics lies on the axis; a step within an epoch has a fraction. */
export function placeOn(
  axis: ChartAxis,
  view: Pick<RunView, 'length' | 'lines'>,
): (line: { readonly step: number }) => number {
  const perEpoch = stepsPerEpoch(view)
  return axis === 'step' || perEpoch === null ? ({ step }) => step : ({ step }) => step / perEpoch
}

type Place = ReturnType<typeof placeOn>

/** Errors on the test images and on the augmented training images of each epoch (the paper's figure 2), losses, speed. */
export function runCharts(view: RunView, names: ClassifierNames, axis: ChartAxis): Chart[] {
  const steps = view.lines.filter((line) => line.kind === 'step')
  const epochs = view.lines.filter((line) => line.kind === 'epoch')
  const tested = view.lines.filter((line) => line.kind === 'eval' && line.split === 'test')
  const trained = epochs.flatMap(({ step, top1_error }) => (top1_error === undefined ? [] : [{ step, top1_error }]))
  const place = placeOn(axis, view)
  const single = (title: string, yLabel: string, pick: (line: StepLine) => number, stepped: boolean): Chart => {
    const points = steps.map((line) => [place(line), pick(line)] as const)
    return { title, xLabel: axis, yLabel, fromZero: true, series: [{ name: title, colour: 0, points, stepped }] }
  }
  return [
    errorChart('Test error', tested.filter(isEvaluation), names, axis, place),
    errorChart('Training error, while each epoch went on', trained, names, axis, place),
    ...(epochs.length > 1 ? [lossChart('Training loss, mean of each epoch', epochs, axis, place)] : []),
    lossChart('Training loss of single steps', steps, axis, place),
    single('Learning rate', 'learning rate', ({ lr }) => lr, true),
    single('Speed', 'images/s', ({ images_per_second }) => images_per_second, false),
  ]
}

const isEvaluation = (line: { readonly kind: string }): line is EvalLine => line.kind === 'eval'

function errorChart(
  title: string,
  lines: readonly Pick<EvalLine, 'step' | 'top1_error'>[],
  names: ClassifierNames,
  xLabel: string,
  place: Place,
): Chart {
  const branches = lines[0]?.top1_error.branches.length ?? 0
  const series: Series[] = Array.from({ length: branches }, (_, branch) => ({
    name: branches === 1 ? 'network' : `${names.member} ${branch}`,
    colour: branch,
    points: lines.map((line) => [place(line), line.top1_error.branches[branch] ?? Number.NaN]),
  }))
  if (lines.some(({ top1_error }) => top1_error.teacher !== null)) {
    const points = lines.map((line) => [place(line), line.top1_error.teacher ?? Number.NaN] as const)
    series.push({ name: names.ensemble, colour: 'main', points })
  }
  return { title, xLabel, yLabel: 'top-1 error, %', fromZero: false, series }
}

function lossChart(title: string, lines: readonly (StepLine | EpochLine)[], xLabel: string, place: Place): Chart {
  const parts = Object.keys(lines[0]?.parts ?? {})
  const series: Series[] = parts.map((part, index) => ({
    name: partTitle(part),
    colour: index,
    points: lines.map((line) => [place(line), line.parts[part] ?? Number.NaN]),
  }))
  series.push({ name: 'sum', colour: 'main', points: lines.map((line) => [place(line), line.loss]) })
  return { title, xLabel, yLabel: 'loss', fromZero: true, series }
}

/** `cross-entropy, branch 0`, `cross-entropy, teacher`, `distillation`. */
function partTitle(part: string): string {
  const { term, of, classifier } = readPartName(part)
  if (of === 'all') return part
  return `${term === LABEL_TERM ? 'cross-entropy' : term}, ${of === 'member' ? `branch ${classifier}` : classifier}`
}
