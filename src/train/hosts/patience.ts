/** Names another patience, in seconds. */
export const PATIENCE_VARIABLE = 'NATIVE_ENSEMBLE_HOST_TIMEOUT'
const PATIENCE_SECONDS = 300

/** Milliseconds for which hosts wait for one that does not come or is silent, before all of them end. */
export function hostPatience(): number {
  const given = Number(process.env[PATIENCE_VARIABLE])
  return 1000 * (given > 0 ? given : PATIENCE_SECONDS)
}
