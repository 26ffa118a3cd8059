/** An error as plain data, to be told from one thread to another. */
import { UserFault } from './fault.ts'
import { fileErrorCode } from './file-fault.ts'

export interface ToldFault {
  readonly message: string
  /** Of a UserFault; null for any other error. */
  readonly remedy: string | null
  readonly stack: string
  /** Of a file system error, or of the one that caused it. */
  readonly code: string | null
}

export function tellFault(error: unknown): ToldFault {
  const fault = error instanceof Error ? error : new Error(String(error))
  const remedy = fault instanceof UserFault ? fault.remedy : null
  const { message, stack = '' } = fault
  return { message, remedy, stack, code: fileErrorCode(fault) ?? fileErrorCode(fault.cause) }
}

/** The error again, with its own stack. */
export function hearFault({ message, remedy, stack, code }: ToldFault): Error {
  const error = remedy === null ? new Error(message) : new UserFault(message, remedy)
  return Object.assign(error, { stack }, code === null ? {} : { code })
}
