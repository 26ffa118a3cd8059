/** An error as plain data, to be sent from one thread to another. */
import { UserFault } from './fault.ts'
import { fileErrorCode } from './file-fault.ts'

export interface PlainFault {
  readonly message: string
  /** Of a UserFault; null for any other error. */
  readonly remedy: string | null
  readonly stack: string
  /** Of a file system error, or of the one that caused it. */
  readonly code: string | null
}

export function toPlainFault(error: unknown): PlainFault {
  const fault = error instanceof Error ? error : new Error(String(error))
  const remedy = fault instanceof UserFault ? fault.remedy : null
  const { message, stack = '' } = fault
  return { message, remedy, stack, code: fileErrorCode(fault) ?? fileErrorCode(fault.cause) }
}

/** The error again, with its own stack. */
export function fromPlainFault({ message, remedy, stack, code }: PlainFault): Error {
  const error = remedy === null ? new Error(message) : new UserFault(message, remedy)
  return Object.assign(error, { stack }, code === null ? {} : { code })
}
