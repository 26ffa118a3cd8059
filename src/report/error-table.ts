/** The result of an evaluation as rows, for the terminal and for the report. */
import type { ClassifierNames } from '../engine/methods/method-definition.ts'
import { classifierNames } from './classifier-names.ts'
import type { ErrorSummary } from './metrics.ts'

export interface ErrorRow {
  readonly name: string
  readonly top1: string
  readonly top5: string
}

const percent = (error: number) => error.toFixed(2)

/** A row a branch, then their mean with its deviation and the teacher where there are such. */
export function errorRows(
  top1: ErrorSummary,
  top5: ErrorSummary,
  { member, mean, ensemble }: ClassifierNames = classifierNames({}),
): ErrorRow[] {
  const rows: ErrorRow[] = top1.branches.map((error, branch) => ({
    name: top1.branches.length === 1 ? 'network' : `${member} ${branch}`,
    top1: percent(error),
    top5: percent(top5.branches[branch] ?? Number.NaN),
  }))
  if (top1.branches.length > 1) {
    const meanOf = (errors: ErrorSummary) => `${percent(errors.mean)} ± ${percent(errors.std)}`
    rows.push({ name: mean, top1: meanOf(top1), top5: meanOf(top5) })
  }
  if (top1.teacher !== null && top5.teacher !== null) {
    rows.push({ name: ensemble, top1: percent(top1.teacher), top5: percent(top5.teacher) })
  }
  return rows
}

/** Error in percent as lines of text, numbers aligned on the point. */
export function printErrorTable(
  title: string,
  top1: ErrorSummary,
  top5: ErrorSummary,
  names: ClassifierNames = classifierNames({}),
): string {
  const rows = errorRows(top1, top5, names)
  const nameWidth = Math.max(...rows.map(({ name }) => name.length))
  const line = (name: string, first: string, second: string) =>
    `  ${name.padEnd(nameWidth)}  ${alignPoint(first)}  ${alignPoint(second)}`.trimEnd()
  const head = `  ${''.padEnd(nameWidth)}  top-1         top-5`
  return [title, head, ...rows.map((row) => line(row.name, row.top1, row.top5))].join('\n')
}

/** Two digits before the point, room for ` ± 0.00` behind. */
function alignPoint(text: string): string {
  const whole = text.indexOf('.')
  return `${' '.repeat(Math.max(0, 2 - whole))}${text}`.padEnd(12)
}
