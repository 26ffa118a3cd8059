import { UserFault } from '../src/vocabulary/fault.ts'

/**
 * Ends a benchmark whose options were wrong: tells what is the user's to mend, exit code 2.
 * @throws the error itself where it is no fault of the options
 */
export function tellUsageFault(error: unknown): void {
  const isUsage = error instanceof UserFault || (error instanceof TypeError && 'code' in error)
  if (!isUsage) throw error
  console.error(error.message)
  if (error instanceof UserFault && error.remedy !== '') console.error(error.remedy)
  process.exitCode = 2
}
