/** Values of options that are no settings of a run. */
import { expected } from '../vocabulary/fault.ts'
import { didYouMean } from '../vocabulary/nearest-word.ts'

/** @throws UserFault */
export function readCheckpointChoice(value: unknown): number | 'latest' | 'best' {
  if (value === undefined || value === 'latest') return 'latest'
  if (value === 'best') return 'best'
  const remedy = didYouMean(value, ['latest', 'best'], 'Correct --checkpoint, or leave it out.')
  return readWholeNumber(value, '--checkpoint', 'latest, best or a step', remedy)
}

/** @throws UserFault */
export function readSplit(value: unknown): 'train' | 'test' {
  if (value === undefined || value === 'test') return 'test'
  if (value === 'train') return 'train'
  throw expected(
    'test or train',
    '--split',
    value,
    didYouMean(value, ['test', 'train'], 'Leave --split out for the test images.'),
  )
}

/** @throws UserFault */
export function readWholeNumber(
  value: unknown,
  name: string,
  what: string,
  remedy = `Correct ${name}, or leave it out.`,
): number {
  if (/^\d{1,15}$/.test(String(value))) return Number(value)
  throw expected(what, name, value, remedy)
}

/** Number of a member, or its ensemble. @throws UserFault */
export function readMember(value: unknown, name: string): number | 'ensemble' {
  if (value === 'ensemble') return value
  const remedy = didYouMean(value, ['ensemble'], `Correct ${name}, or leave it out for the first member.`)
  return readWholeNumber(value, name, 'the number of a member, from 0, or ensemble', remedy)
}
