/** classes.json: what the last evaluation on the test images took each class for. */
import { z } from 'zod'
import { ENSEMBLE } from '../vocabulary/classifiers.ts'
import type { EvalLine } from './metrics.ts'

const count = z.number().int().nonnegative()
export const classCountsSchema = z.object({
  /** Optimizer updates done, and the epoch from 0, of the state that was evaluated. */
  step: count,
  epoch: count,
  images: count,
  /** Names of the classes. */
  classes: z.array(z.string()),
  classifiers: z.array(
    z.object({
      /** `0` or `teacher`, as in metrics.jsonl. */
      name: z.string(),
      /** Class, what its images were taken for, and how many of them were; pairs without an image are left out. */
      counts: z.array(z.tuple([count, count, count])),
    }),
  ),
})
export type ClassCounts = z.infer<typeof classCountsSchema>
export type ClassifierCounts = ClassCounts['classifiers'][number]

/** What an evaluation says of each image; entries of one image have the same place. */
export interface PredictedClasses {
  readonly labels: readonly number[]
  /** By the classifier's name. */
  readonly predicted: ReadonlyMap<string, readonly number[]>
}

/** Counts of the classifier that is deployed, and of the ensemble where there is one. */
export function countClasses(
  { step, epoch, images }: EvalLine,
  { labels, predicted }: PredictedClasses,
  classes: readonly string[],
): ClassCounts {
  const classifiers = ['0', ENSEMBLE].flatMap((name) => {
    const taken = predicted.get(name)
    return taken === undefined ? [] : [{ name, counts: countPairs(labels, taken, classes.length) }]
  })
  return { step, epoch, images, classes: [...classes], classifiers }
}

function countPairs(labels: readonly number[], taken: readonly number[], classes: number): [number, number, number][] {
  const counts = new Map<number, number>()
  for (const [image, label] of labels.entries()) {
    const pair = label * classes + (taken[image] ?? 0)
    counts.set(pair, (counts.get(pair) ?? 0) + 1)
  }
  const pairs = [...counts].sort(([one], [other]) => one - other)
  return pairs.map(([pair, images]) => [Math.floor(pair / classes), pair % classes, images])
}

/** Errors of one class. */
export interface ClassError {
  readonly label: string
  readonly images: number
  /** Percent of its images. */
  readonly error: number
  /** What most of those that were taken for another class were taken for; null where there are none. */
  readonly confusedWith: { readonly label: string; readonly images: number } | null
}

/** Error of each class that has images, the largest first. */
export function classErrors(classes: readonly string[], { counts }: ClassifierCounts): ClassError[] {
  const errors = classes.flatMap((label, index): ClassError[] => {
    const own = counts.filter(([of]) => of === index)
    const images = own.reduce((sum, [, , n]) => sum + n, 0)
    if (images === 0) return []
    const wrong = own.filter(([, as]) => as !== index)
    const worst = wrong.reduce<(typeof wrong)[number] | null>(
      (most, one) => (most && most[2] >= one[2] ? most : one),
      null,
    )
    const error = (100 * wrong.reduce((sum, [, , n]) => sum + n, 0)) / images
    const confusedWith = worst && { label: classes[worst[1]] ?? `class ${worst[1]}`, images: worst[2] }
    return [{ label, images, error, confusedWith }]
  })
  return errors.sort((one, other) => other.error - one.error)
}
