/** Takes one file from a public address. */

/** How far a download is. */
export interface FetchProgress {
  /** What is being done, e.g. `from http://...`. */
  readonly step: string
  readonly bytes: number
  /** null where the size is not known. */
  readonly total: number | null
}

/** A connection that brings nothing for so long is given up. */
const STALL_MS = 60_000

/**
 * The bytes at an address.
 * @param limit most bytes that the file may have
 * @throws Error in words that say what failed
 */
export async function download(
  address: string,
  limit: number,
  progress: (report: FetchProgress) => void,
): Promise<Buffer> {
  const stalled = new AbortController()
  let timer = setTimeout(() => stalled.abort(), STALL_MS)
  try {
    const response = await fetch(address, { signal: stalled.signal })
    if (!response.ok || !response.body) throw new Error(`the server answered ${response.status} ${response.statusText}`)
    const length = Number(response.headers.get('content-length') ?? Number.NaN)
    const total = Number.isSafeInteger(length) && length > 0 ? length : null
    // One memory for all where the size is told: SVHN's largest file has 1.3 GB.
    const whole = total === null || total > limit ? null : Buffer.allocUnsafeSlow(total)
    const chunks: Uint8Array[] = []
    let bytes = 0
    const reader = response.body.getReader()
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
      clearTimeout(timer)
      timer = setTimeout(() => stalled.abort(), STALL_MS)
      if (whole !== null && bytes + chunk.value.length <= whole.length) whole.set(chunk.value, bytes)
      else chunks.push(chunk.value)
      bytes += chunk.value.length
      if (bytes > limit) throw new Error(`the file has more than ${limit} bytes`)
      progress({ step: `from ${address}`, bytes, total })
    }
    if (total !== null && bytes !== total) throw new Error(`it ended after ${bytes} of ${total} bytes`)
    return whole ?? Buffer.concat(chunks, bytes)
  } catch (error) {
    if (stalled.signal.aborted) throw new Error(`nothing came for ${STALL_MS / 1000} s`, { cause: error })
    throw error
  } finally {
    clearTimeout(timer)
    // Ends the connection of a download that was given up.
    stalled.abort()
  }
}
