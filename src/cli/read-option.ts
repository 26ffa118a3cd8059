/** Values of options that are no settings of a run. */
import { expected } from '../vocabulary/fault.ts'

/** @throws UserFault */
export function readCheckpointChoice(value: unknown): number | 'latest' | 'best' {
  if (value === undefined || value === 'latest') return 'latest'
  if (value === 'best') return 'best'
  return readWholeNumber(value, '--checkpoint', 'latest, best or a step')
}

/** @throws UserFault */
export function readSplit(value: unknown): 'train' | 'test' {
  if (value === undefined || value === 'test') return 'test'
  if (value === 'train') return 'train'
  throw expected('test or train', '--split', value, 'Leave --split out for the test images.')
}

/** @throws UserFault */
export function readWholeNumber(value: unknown, name: string, what: string): number {
  if (/^\d{1,15}$/.test(String(value))) return Number(value)
  throw expected(what, name, value, `Correct ${name}, or leave it out.`)
}
