/** What a list of evidence says of each run. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { PlannedEvidence, RunState } from './evidence-plan.ts'

const WORDS: Readonly<Record<RunState, string>> = {
  new: 'to do',
  stub: 'to do anew',
  cut: 'cut, can go on',
  elsewhere: 'cut, no checkpoint here',
  finished: 'finished',
}

/** A run that has a lock is worked on now, or its process was killed: only whoever takes the lock can tell. */
export function tellState({ out, state }: PlannedEvidence): string {
  return state !== 'finished' && existsSync(join(out, 'run.lock')) ? `${WORDS[state]} (locked)` : WORDS[state]
}

/** Epochs done, or the errors of the end; what it was computed with, where that is not the CPU's executor. */
export function tellProgress({ run }: PlannedEvidence): string {
  if (run === null) return ''
  const { config, lines, final } = run
  const epochs = new Set(lines.filter(({ kind }) => kind !== 'step').map(({ epoch }) => epoch)).size
  const { mean, teacher = null } = final?.top1_error ?? {}
  const errors = [mean, teacher].flatMap((error) => (typeof error === 'number' ? [`${error.toFixed(2)} %`] : []))
  const far = final === null ? `${epochs} of ${config.epochs} epochs` : `errors ${errors.join(', ensemble ')}`
  return config.executor === 'cpu' ? far : `${far}, ${config.executor} in ${config.precision}`
}
