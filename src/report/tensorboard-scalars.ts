import type { ErrorSummary, MetricsLine } from './metrics.ts'

/** A line's numbers by their TensorBoard tags; tags with a common first part are shown together. */
export function tensorboardScalars(line: MetricsLine): Map<string, number> {
  const scalars = new Map<string, number>()
  if (line.kind === 'eval') {
    addErrors(scalars, `error_${line.split}_top1`, line.top1_error)
    addErrors(scalars, `error_${line.split}_top5`, line.top5_error)
    return scalars
  }
  const prefix = line.kind === 'epoch' ? 'epoch_' : ''
  scalars.set(`${prefix}loss/total`, line.loss)
  for (const [name, value] of Object.entries(line.parts)) scalars.set(`${prefix}loss/${name}`, value)
  scalars.set(`${prefix}speed/images_per_second`, line.images_per_second)
  if (line.kind === 'step') scalars.set('schedule/learning_rate', line.lr)
  else if (line.top1_error !== undefined) addErrors(scalars, 'epoch_error_train_top1', line.top1_error)
  return scalars
}

function addErrors(scalars: Map<string, number>, prefix: string, errors: ErrorSummary): void {
  for (const [branch, error] of errors.branches.entries()) scalars.set(`${prefix}/branch_${branch}`, error)
  if (errors.branches.length > 1) scalars.set(`${prefix}/mean`, errors.mean)
  if (errors.teacher !== null) scalars.set(`${prefix}/teacher`, errors.teacher)
}
