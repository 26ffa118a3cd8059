import { hasStalled } from '../config/early-stop.ts'
import type { RunConfig } from '../config/run-config.ts'
import { bestEvaluation } from './epoch-table.ts'
import type { EvalLine, MetricsLine } from './metrics.ts'

/** The evaluation on the test images that a run ended with; null where it is not at its end. */
export function finalEvaluation(
  config: Pick<RunConfig, 'epochs' | 'steps' | 'earlyStop'>,
  lines: readonly MetricsLine[],
): EvalLine | null {
  const { epochs, steps } = config
  const last = lines.findLast((line): line is EvalLine => line.kind === 'eval' && line.split === 'test')
  const best = bestEvaluation(lines)
  if (last === undefined || best === null) return null
  const ended = steps === null ? last.epoch + 1 >= epochs : last.step >= steps
  return ended || hasStalled(config, best.epoch, last.epoch) ? last : null
}
