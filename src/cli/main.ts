#!/usr/bin/env node
/** From argv to one command and its exit code: 0, 2 for the user's fault, 1 for ours, 130 where interrupted. */
import { reportFailure } from './failure.ts'
import { runCommandLine } from './program.ts'

// A reader that has seen enough (`| head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

try {
  process.exitCode = await runCommandLine(process.argv.slice(2))
} catch (error) {
  process.exitCode = reportFailure(error, process.stderr)
}
