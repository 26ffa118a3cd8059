import type { RunConfig } from '../config/run-config.ts'
import type { EvalLine, MetricsLine } from './metrics.ts'

/** The evaluation on the test images that a run ended with; null where it is not at its end. */
export function finalEvaluation(
  { epochs, steps }: Pick<RunConfig, 'epochs' | 'steps'>,
  lines: readonly MetricsLine[],
): EvalLine | null {
  const last = lines.findLast((line): line is EvalLine => line.kind === 'eval' && line.split === 'test')
  if (last === undefined) return null
  const ended = steps === null ? last.epoch + 1 >= epochs : last.step >= steps
  return ended ? last : null
}
