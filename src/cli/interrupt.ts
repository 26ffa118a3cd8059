import type { ProgressDisplay } from '../report/progress.ts'
import { EXIT } from './failure.ts'

export interface Interruption {
  /** Aborted at the first Ctrl-C (SIGINT) or SIGTERM: finish the step, save, end. */
  readonly stop: AbortSignal
  /** Gives the signals back to Node. */
  dispose(): void
}

/** A second signal ends the process at once; checkpoints are renamed into place, so none is left half written. */
export function listenForInterrupts(
  display: ProgressDisplay,
  words = 'Interrupted: finishing the step and saving.',
): Interruption {
  const controller = new AbortController()
  const onSignal = () => {
    if (controller.signal.aborted) process.exit(EXIT.interrupted)
    controller.abort()
    display.note(`${words} Once more to end at once.`)
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  return {
    stop: controller.signal,
    dispose() {
      process.off('SIGINT', onSignal)
      process.off('SIGTERM', onSignal)
    },
  }
}
