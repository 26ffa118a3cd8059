import { access, appendFile } from 'node:fs/promises'
import { runFiles } from '../report/run-files.ts'
import { onStreamFailure, type StreamFailure, streamFailures } from './streams.ts'

/**
 * Notes in the run folder's notes.log when standard output or error cannot be written any more: what is told there from then
 * on is lost, the run is not.
 * @returns to be called at the run's end: notes what came before there was a folder
 */
export function noteStreamFailures(runFolder: string): () => Promise<void> {
  const { config, notes } = runFiles(runFolder)
  const noted = new Set<StreamFailure>()
  const note = async () => {
    for (const failure of streamFailures()) {
      if (noted.has(failure)) continue
      noted.add(failure)
      try {
        await access(config)
        await appendFile(notes, printFailure(failure))
      } catch {
        noted.delete(failure) // No folder yet, or a full disk: once more at the end.
      }
    }
  }
  const dispose = onStreamFailure(() => void note())
  return async () => {
    // What was written last fails behind what is running now.
    await new Promise((resolve) => setImmediate(resolve))
    dispose()
    await note()
  }
}

function printFailure({ stream, code, at }: StreamFailure): string {
  const why = code === 'EPIPE' ? 'its reader has ended' : 'what is behind it takes no more'
  return `${at.toISOString()} ${stream} cannot be written (${code}: ${why}); the run goes on without it\n`
}
