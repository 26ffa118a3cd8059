import { UserFault } from '../vocabulary/fault.ts'
import { explainSystemError } from '../vocabulary/file-fault.ts'

/**
 * Exit codes of the command line. `requeue` is sysexits' EX_TEMPFAIL: stopped by a batch system's signal, the same job again
 * goes on. Other signals give 128 and their number (src/cli/signals.ts), as in a shell.
 */
export const EXIT = { done: 0, ourFault: 1, userFault: 2, requeue: 75, interrupted: 130 } as const

/**
 * Tells a person what went wrong: the user's fault as sentence and remedy, ours with its stack.
 * @returns the exit code
 */
export function reportFailure(error: unknown, target: { write(text: string): unknown }): number {
  const explained = explainSystemError(error)
  if (explained instanceof UserFault) {
    target.write(`error: ${explained.message}\n`)
    if (explained.remedy !== '') target.write(`${explained.remedy}\n`)
    return EXIT.userFault
  }
  target.write(
    `${printStack(error)}\n\nThis is a fault of native-ensemble, not yours. Please report it with the lines above`,
  )
  target.write(' and, where there is one, the config.json of the run.\n')
  return EXIT.ourFault
}

/** The stack of an error and of what caused it. */
function printStack(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const own = error.stack ?? error.message
  return error.cause === undefined ? own : `${own}\ncaused by ${printStack(error.cause)}`
}
