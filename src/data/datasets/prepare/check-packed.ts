/** Looks at what was packed as a whole: classes that lost all their images, and images that are in both splits. */
import { expected } from '../../../vocabulary/fault.ts'
import type { SplitName } from '../dataset.ts'
import type { ImageList } from './image-list.ts'
import type { ShardReport, ShardRow } from './shard-job.ts'

/** Names in a message. */
const SHOWN = 3

type Rows = Readonly<Record<SplitName, readonly ShardRow[]>>

/** The good images of each split. */
export function rowsOf(reports: readonly ShardReport[]): Rows {
  const of = (split: SplitName) => reports.filter(({ file }) => file.startsWith(split)).flatMap(({ rows }) => rows)
  return { train: of('train'), test: of('test') }
}

/**
 * Classes by name that had images in a split and have no good one.
 * @returns one line for each split with such classes
 */
function emptiedClasses(list: ImageList, rows: Rows): Readonly<Record<SplitName, string | null>> {
  const words = (split: SplitName) => {
    const kept = new Set(rows[split].map(({ label }) => label))
    const lost = new Set(list.images[split].map(({ label }) => label).filter((label) => !kept.has(label)))
    const names = [...lost].map((label) => list.classes[label]?.folder ?? `${label}`)
    return names.length === 0 ? null : shorten(names)
  }
  return { train: words('train'), test: words('test') }
}

/** @throws UserFault for classes of which no training image is good: a network would learn that they do not exist */
export function refuseEmptiedClasses(list: ImageList, rows: Rows): void {
  const { train } = emptiedClasses(list, rows)
  if (train === null) return
  const remedy = 'Mend or replace their images (--on-bad report lists them), or remove the folders of these classes.'
  throw expected('a good training image in each class', 'the shards', `none in ${train}`, remedy)
}

/** What to say of the images that were packed. */
export function noticesOfPacked(list: ImageList, rows: Rows): string[] {
  const { train, test } = emptiedClasses(list, rows)
  const notices: string[] = []
  if (train !== null) notices.push(`Warning: no training image is good in ${train}`)
  if (test !== null) notices.push(`Warning: no test image is good in ${test}: the test error does not tell of it`)
  const copies = copiesOfTraining(rows)
  if (copies.length > 0) {
    const shown = shorten(copies.map(([test, train]) => `${test} = ${train}`))
    notices.push(
      `Warning: ${copies.length} of ${rows.test.length} test images are exact copies of training images (${shown}): ` +
        'the test error is too low by them',
    )
  }
  return notices
}

/**
 * Test images that are training images too, by name: bytes of the same number and checksum. That two images of millions
 * have both by chance happens once in thousands of datasets.
 */
function copiesOfTraining({ train, test }: Rows): [test: string, train: string][] {
  const keyOf = ({ length, checksum }: ShardRow) => `${length}:${checksum}`
  const wanted = new Set(test.map(keyOf))
  const found = new Map<string, string>()
  for (const row of train) {
    const key = keyOf(row)
    if (wanted.has(key) && !found.has(key)) found.set(key, row.name)
  }
  return test.flatMap((row): [string, string][] => {
    const original = found.get(keyOf(row))
    return original === undefined ? [] : [[row.name, original]]
  })
}

function shorten(names: readonly string[]): string {
  return names.length <= SHOWN
    ? names.join(', ')
    : `${names.slice(0, SHOWN).join(', ')} and ${names.length - SHOWN} more`
}
