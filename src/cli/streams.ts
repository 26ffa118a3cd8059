/**
 * Standard output and standard error of a process whose work matters more than they do: a reader that is gone (`| head`,
 * `| tee` after Ctrl-C), a full disk behind them, a terminal that is closed never end it.
 */
import type { ProgressTarget } from '../report/progress.ts'
import { UserFault } from '../vocabulary/fault.ts'

/** A stream's first failure; it is told once. */
export interface StreamFailure {
  readonly stream: 'stdout' | 'stderr'
  /** Error code of the operating system: EPIPE, ENOSPC, EIO, ... */
  readonly code: string
  readonly at: Date
}

/** A reader that does not read lets text gather in our memory; what comes behind this much is dropped. */
const MOST_WAITING = 1 << 20

const failures: StreamFailure[] = []
const listeners = new Set<() => void>()

/** Call once, before anything is written: without a listener any of these errors would end the process. */
export function surviveStreams(): void {
  for (const stream of ['stdout', 'stderr'] as const) {
    process[stream].on('error', ({ code = 'unknown' }: NodeJS.ErrnoException) => {
      if (failures.some((failure) => failure.stream === stream)) return
      failures.push({ stream, code, at: new Date() })
      for (const listener of listeners) listener()
    })
  }
}

/** Streams that could not be written since the process began. */
export const streamFailures = (): readonly StreamFailure[] => failures

/** @returns ends the listening */
export function onStreamFailure(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** Standard error for what is shown while work goes on: never waits for a reader, nor keeps much for one. */
export const PROGRESS_TARGET: ProgressTarget = {
  get isTTY() {
    return process.stderr.isTTY
  },
  get columns() {
    return process.stderr.columns
  },
  write(text) {
    if (process.stderr.writableLength < MOST_WAITING) process.stderr.write(text)
  },
}

/**
 * For a command whose result is what it printed. A reader that has seen enough (`| head`) is no failure.
 * @throws UserFault where it could not be written
 */
export async function refuseLostOutput(): Promise<void> {
  // Errors of writing to a file come behind what is running now.
  await new Promise((resolve) => setImmediate(resolve))
  const lost = failures.find(({ stream, code }) => stream === 'stdout' && code !== 'EPIPE')
  if (lost === undefined) return
  throw new UserFault(
    `Cannot write the result to standard output (${lost.code}).`,
    'Free some space, or send it elsewhere; then the same command again.',
  )
}
