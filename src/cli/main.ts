#!/usr/bin/env node
/**
 * From argv to one command and its exit code: 0, 2 for the user's fault, 1 for ours, 75 or 128 + n where a signal ended it.
 * The other modules are loaded when the process is ready for signals.
 */
import { reportFailure } from './failure.ts'
import { listenForSignals } from './signals.ts'
import { surviveStreams } from './streams.ts'

listenForSignals()
surviveStreams()

try {
  const { runCommandLine } = await import('./program.ts')
  process.exitCode = await runCommandLine(process.argv.slice(2))
} catch (error) {
  process.exitCode = reportFailure(error, process.stderr)
}
