#!/usr/bin/env node
/** From argv to one command and its exit code: 0, 2 for the user's fault, 1 for ours, 130 where interrupted. */
import { endWithReader } from './closed-reader.ts'
import { reportFailure } from './failure.ts'
import { runCommandLine } from './program.ts'

endWithReader()

try {
  process.exitCode = await runCommandLine(process.argv.slice(2))
} catch (error) {
  process.exitCode = reportFailure(error, process.stderr)
}
