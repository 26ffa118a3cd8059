/** Seconds that a device may take for one run before it is given up; far more than any step takes. */
const PATIENCE_VARIABLE = 'NATIVE_ENSEMBLE_XLA_TIMEOUT'
const PATIENCE_SECONDS = 600

/** Milliseconds that a device may take for a run. */
export function patience(): number {
  const given = Number(process.env[PATIENCE_VARIABLE])
  return 1000 * (given > 0 ? given : PATIENCE_SECONDS)
}
