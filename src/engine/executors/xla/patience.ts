/** Seconds that a device may take for one run before it is given up. */
const PATIENCE_VARIABLE = 'NATIVE_ENSEMBLE_XLA_TIMEOUT'
/**
 * A first run may load libraries and record a graph; a later one takes as long as a step, some seconds on the slowest device.
 * Whoever waits for a job wants to know that it hangs before the job's own time is over.
 */
const SECONDS = { first: 300, later: 120 } as const

/** Milliseconds that a device may take for a run of a program: its first, or a later one. */
export function patience(run: keyof typeof SECONDS = 'later'): number {
  const given = Number(process.env[PATIENCE_VARIABLE])
  return 1000 * (given > 0 ? given : SECONDS[run])
}
