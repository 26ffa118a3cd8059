import { expected } from '../src/vocabulary/fault.ts'

/**
 * A whole number that a benchmark's option gives.
 * @param remedy command that tells the options, or what to do
 * @throws UserFault where it is none, or less than `least`
 */
export function readCount(option: string, text: string, remedy: string, least = 1): number {
  const value = Number(text)
  if (text.trim() !== '' && Number.isSafeInteger(value) && value >= least) return value
  throw expected(`a whole number from ${least}`, option, text, remedy)
}
