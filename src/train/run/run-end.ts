/** Whether a run has come to its end, by its settings and where it is. */
import { hasStalled } from '../../config/early-stop.ts'
import type { RunConfig } from '../../config/run-config.ts'
import type { RunProgress } from '../checkpoint/run-state.ts'

type Length = Pick<RunConfig, 'epochs' | 'steps' | 'earlyStop' | 'evaluateEvery'>
type Place = Pick<RunProgress, 'epoch' | 'step' | 'stepInEpoch' | 'best'>

/** Whether all steps are done, and what follows the last; or the run ended early. */
export function isOver(config: Length, progress: Place): boolean {
  return (progress.stepInEpoch === 0 && hasWholeLength(config, progress)) || endsEarly(config, progress)
}

/** Whether the run stands at an evaluation before its last, and its test error had not fallen for `earlyStop` epochs. */
export function endsEarly(config: Length, progress: Place): boolean {
  const { epoch, step, stepInEpoch, best } = progress
  if (best === null || stepInEpoch !== 0 || epoch === 0 || epoch % config.evaluateEvery !== 0) return false
  // Whole epochs are behind: each has as many steps.
  return !hasWholeLength(config, progress) && hasStalled(config, (best.step * epoch) / step, epoch)
}

function hasWholeLength({ epochs, steps }: Length, { epoch, step }: Place): boolean {
  return steps === null ? epoch >= epochs : step >= steps
}
