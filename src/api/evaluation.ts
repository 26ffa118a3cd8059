import type { ErrorSummary, EvalLine } from '../report/metrics.ts'

/** Error of each classifier, in percent of the images. */
export interface Errors {
  /** One entry a member: branch, peer or network; the first is the target. */
  readonly members: readonly number[]
  /** Mean of the members, the paper's figure for ONE. */
  readonly mean: number
  /** Standard deviation over the members (n - 1 in the denominator; 0 for one). */
  readonly std: number
  /** Of the members together, the paper's ONE-E; null where the method makes no ensemble. */
  readonly ensemble: number | null
}

/** Errors of a state of a run on a whole split. */
export interface Evaluation {
  readonly split: 'train' | 'test'
  /** Images evaluated on. */
  readonly images: number
  /** Optimizer steps that the evaluated state has behind it. */
  readonly step: number
  /** From 0. */
  readonly epoch: number
  readonly top1: Errors
  /** The right class is not among the 5 most likely (all of them where there are fewer). */
  readonly top5: Errors
  readonly imagesPerSecond: number
}

/** A line of metrics.jsonl as the API gives it. */
export function evaluationOf(line: EvalLine): Evaluation {
  const { split, images, step, epoch, images_per_second: imagesPerSecond } = line
  return {
    split,
    images,
    step,
    epoch,
    top1: errorsOf(line.top1_error),
    top5: errorsOf(line.top5_error),
    imagesPerSecond,
  }
}

function errorsOf({ branches, mean, std, teacher }: ErrorSummary): Errors {
  return { members: branches, mean, std, ensemble: teacher }
}
