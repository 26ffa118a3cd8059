/**
 * A mistake of the user's (a file, an option, a machine without what was asked for): one sentence that says what was
 * expected and received, and the remedy. The command line prints both and ends with exit code 2.
 */
export class UserFault extends Error {
  readonly remedy: string

  constructor(message: string, remedy: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'UserFault'
    this.remedy = remedy
  }
}

/** A file whose bytes are not those that were written; what to do about it depends on where the file belongs. */
export class DamagedFile extends UserFault {}

/** The same fault with the remedy for this place, where a file is damaged; any other value as it is. */
export function withRemedy(error: unknown, remedy: string): unknown {
  return error instanceof DamagedFile ? new DamagedFile(error.message, remedy, { cause: error }) : error
}

/** `Expected <what> for <name> but received <value>`, the one form of our error sentences. */
export function expected(what: string, name: string, received: unknown, remedy: string): UserFault {
  return new UserFault(`Expected ${what} for ${name} but received ${printReceived(received)}`, remedy)
}

function printReceived(received: unknown): string {
  return typeof received === 'string' ? received : (JSON.stringify(received) ?? String(received))
}
