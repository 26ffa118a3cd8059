import { hasStalled } from '../config/early-stop.ts'
import type { RunConfig } from '../config/run-config.ts'
import type { EvalLine, MetricsLine } from './metrics.ts'

/** The evaluation on the test images that a run ended with; null where it is not at its end. */
export function finalEvaluation(
  config: Pick<RunConfig, 'epochs' | 'steps' | 'earlyStop'>,
  lines: readonly MetricsLine[],
): EvalLine | null {
  const { epochs, steps } = config
  const evaluations = lines.filter((line): line is EvalLine => line.kind === 'eval' && line.split === 'test')
  const last = evaluations.at(-1)
  if (last === undefined) return null
  const lowest = Math.min(...evaluations.map(({ top1_error }) => top1_error.mean))
  const best = evaluations.find(({ top1_error }) => top1_error.mean === lowest) ?? last
  const ended = steps === null ? last.epoch + 1 >= epochs : last.step >= steps
  return ended || hasStalled(config, best.epoch, last.epoch) ? last : null
}
