import { stat } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { expected } from '../../vocabulary/fault.ts'
import { fileFault } from '../../vocabulary/file-fault.ts'
import { LogLines } from '../../watch/log-lines.ts'
import { startWatchServer } from '../../watch/watch-server.ts'
import { WatchedRuns } from '../../watch/watched-runs.ts'
import { EXIT } from '../failure.ts'
import type { Invocation } from '../invocation.ts'
import { takeSignals } from '../signals.ts'
import { onStreamFailure } from '../streams.ts'

const DEFAULT_FOLDER = 'runs'
/** Where it is free; a bookmark then shows the page of the next time too. */
const DEFAULT_PORT = 8470
const LINES_EVERY_MS = 1000

/** `watch [folder]`: until it is interrupted. */
export async function watchCommand({ operands, options }: Invocation): Promise<number> {
  const folder = operands[0] ?? DEFAULT_FOLDER
  // The default one may be made by the first run.
  if (operands[0] !== undefined) await refuseNoFolder(folder)
  const stop = new AbortController()
  const release = takeSignals(() => stop.abort())
  try {
    if (options['lines'] === true) return await printLines(folder, options['once'] === true, stop)
    if (options['once'] === true) throw expected('--lines', '--once', 'none', 'Add --lines, or leave --once out.')
    const port = readPort(options['port'])
    const server = await startWatchServer(folder, port ?? DEFAULT_PORT).catch((error: unknown) => {
      if (port !== null) throw error
      return startWatchServer(folder, 0)
    })
    process.stdout.write(`Runs in ${folder}: ${server.url}\nOnly this machine reaches the page. Ctrl-C ends it.\n`)
    await new Promise((resolve) => stop.signal.addEventListener('abort', resolve))
    await server.close()
    return EXIT.done
  } finally {
    release()
  }
}

async function refuseNoFolder(folder: string): Promise<void> {
  const there = await stat(folder).catch((error: unknown) => {
    throw fileFault(error, 'read', folder)
  })
  if (!there.isDirectory()) throw expected('a folder of runs', 'watch', folder, 'Name what holds the runs (see runs/).')
}

function readPort(given: unknown): number | null {
  if (given === undefined) return null
  const port = Number(given)
  if (Number.isInteger(port) && port >= 0 && port < 65536 && given !== '') return port
  throw expected('a whole number from 0 to 65535', '--port', given, 'Leave it out for a free one.')
}

/** @param stop aborted also where nobody reads any more */
async function printLines(folder: string, once: boolean, stop: AbortController): Promise<number> {
  const lines = new LogLines(new WatchedRuns(folder))
  const release = onStreamFailure(() => stop.abort())
  try {
    for (;;) {
      for (const line of await lines.next()) {
        if (!process.stdout.write(`${line}\n`)) await drained(stop.signal)
      }
      if (once || stop.signal.aborted) return EXIT.done
      await pause(LINES_EVERY_MS, undefined, { signal: stop.signal }).catch(() => undefined)
    }
  } finally {
    release()
  }
}

function drained(stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (stop.aborted) return resolve()
    process.stdout.once('drain', () => resolve())
    stop.addEventListener('abort', () => resolve(), { once: true })
  })
}
