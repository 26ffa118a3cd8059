/** A run's epochs as a table, the one of the least test error marked. */
import type { ClassifierNames } from '../engine/methods/method-definition.ts'
import type { ErrorSummary, EvalLine, MetricsLine } from './metrics.ts'
import { htmlTable, scrolled } from './report-page.ts'

/** Evaluation on the test images with the least mean error, the first of several; null before there is one. */
export function bestEvaluation(lines: readonly MetricsLine[]): EvalLine | null {
  let best: EvalLine | null = null
  for (const line of lines) {
    if (line.kind !== 'eval' || line.split !== 'test') continue
    if (best === null || line.top1_error.mean < best.top1_error.mean) best = line
  }
  return best
}

/** Empty before the first epoch is done. */
export function epochTable(lines: readonly MetricsLine[], names: ClassifierNames): string {
  const evaluations = new Map(
    lines.flatMap((line) => (line.kind === 'eval' && line.split === 'test' ? [[line.step, line] as const] : [])),
  )
  const epochs = lines.filter((line) => line.kind === 'epoch')
  if (epochs.length === 0) return ''
  const best = bestEvaluation(lines)
  const last = [...evaluations.values()].at(-1)
  const ensemble = last !== undefined && last.top1_error.teacher !== null
  const rows = epochs.map((line) => {
    const tested = evaluations.get(line.step)
    return [
      `${line.epoch + 1}${line.step === best?.step ? ' (best)' : ''}`,
      `${line.step}`,
      String(Number(line.lr.toPrecision(4))),
      line.loss.toFixed(4),
      line.top1_error === undefined ? '' : line.top1_error.mean.toFixed(2),
      tested === undefined ? '' : meanWords(tested.top1_error),
      ...(ensemble ? [tested?.top1_error.teacher?.toFixed(2) ?? ''] : []),
      tested === undefined ? '' : tested.top5_error.mean.toFixed(2),
      line.seconds.toFixed(1),
      `${Math.round(line.images_per_second)}`,
    ]
  })
  const mean = last !== undefined && last.top1_error.branches.length > 1 ? `, ${names.mean}` : ''
  const head = [
    ...['epoch', 'step', 'learning rate', 'training loss', 'training error, %', `test error${mean}, %`],
    ...(ensemble ? [`${names.ensemble}, %`] : []),
    ...['top-5 error, %', 'seconds', 'images/s'],
  ]
  return `<h2>Epochs</h2>\n${scrolled(htmlTable(head, rows, true), 'Epochs')}`
}

function meanWords({ branches, mean, std }: ErrorSummary): string {
  return branches.length > 1 ? `${mean.toFixed(2)} ± ${std.toFixed(2)}` : mean.toFixed(2)
}
