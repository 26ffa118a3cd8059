/** How long an error waits for a better word of another host, which may be what caused it. Milliseconds. */
const EXPLANATION = 2000

/**
 * What ended a run that ended here with `error`: what another host said of itself, where it failed too.
 * @param failed aborted with what another host said
 */
export async function explainFailure(failed: AbortSignal, error: unknown): Promise<unknown> {
  if (!failed.aborted) {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, EXPLANATION)
      failed.addEventListener('abort', () => {
        clearTimeout(timer)
        resolve()
      })
    })
  }
  return failed.aborted ? failed.reason : error
}
