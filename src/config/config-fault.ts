/** Kept apart from the checks, so that a command line can be refused without loading them. */
import { UserFault } from '../vocabulary/fault.ts'

/** Remedy where two settings exclude each other. */
export const LEAVE_ONE = 'Leave one of them out.'

/** One thing that is wrong: a sentence and its remedy. */
export interface ConfigFault {
  readonly message: string
  readonly remedy: string
}

/** @throws UserFault with all of them where there are any */
export function refuseFaults(faults: readonly ConfigFault[], place: string): void {
  const [first] = faults
  if (first === undefined) return
  if (faults.length === 1) throw new UserFault(first.message, first.remedy)
  const list = faults.map(({ message, remedy }) => `  - ${message}. ${remedy}`).join('\n')
  throw new UserFault(`${faults.length} things are wrong with ${place}:\n${list}`, '')
}

/** The one form of our error sentences. */
export function fault(what: string, name: string, received: unknown, remedy: string): ConfigFault {
  return { message: `Expected ${what} for ${name} but received ${printReceived(received)}`, remedy }
}

export function printReceived(value: unknown): string {
  return typeof value === 'string' && value !== '' ? value : (JSON.stringify(value) ?? 'nothing')
}
