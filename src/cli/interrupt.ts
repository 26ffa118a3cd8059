import type { ProgressDisplay } from '../report/progress.ts'
import { takeSignals } from './signals.ts'

export interface Interruption {
  /** Aborted at the first signal that asks for the end (Ctrl-C, SIGTERM, ...): finish the step, save, end. */
  readonly stop: AbortSignal
  /** To be called when the command's work is done. */
  dispose(): void
}

/** A second Ctrl-C ends the process at once; checkpoints are renamed into place, so none is left half written. */
export function listenForInterrupts(display: ProgressDisplay, words = 'finishing the step and saving.'): Interruption {
  const controller = new AbortController()
  const dispose = takeSignals((signal) => {
    // First: what follows may find that the terminal is gone.
    controller.abort()
    const again = signal === 'SIGINT' ? ' Once more to end at once.' : ''
    display.note(`${signal === 'SIGINT' ? 'Interrupted' : `Received ${signal}`}: ${words}${again}`)
  })
  return { stop: controller.signal, dispose }
}
