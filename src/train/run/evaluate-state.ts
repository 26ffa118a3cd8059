import type { SplitName } from '../../data/datasets/dataset.ts'
import { type EvalLine, summariseErrors } from '../../report/metrics.ts'
import { type ErrorRates, errorRates, evaluateSplit, type Predictions } from '../evaluation/evaluate-split.ts'
import type { PreparedRun, Session } from './session.ts'

export interface EvaluationMoment {
  readonly step: number
  readonly epoch: number
  readonly lr: number
  readonly stop?: AbortSignal
  readonly onProgress?: (images: number, all: number) => void
  /** Told at the end what each image was taken for. */
  readonly onPredictions?: (predictions: Predictions) => void
}

/** Errors of all classifiers on a whole split with the state as it is now. @throws EvaluationStopped */
export async function evaluateState(
  { dataset, evaluation }: PreparedRun,
  { pipeline, replicas }: Session,
  split: SplitName,
  { step, epoch, lr, stop, onProgress, onPredictions }: EvaluationMoment,
): Promise<EvalLine> {
  const result = await evaluateSplit({
    ...(stop && { stop }),
    pipeline,
    replicas,
    split,
    program: evaluation,
    ahead: replicas.stepsAhead,
    onProgress: (images) => onProgress?.(images, dataset[split].count),
  })
  onPredictions?.(result.predictions)
  const summary = ({ branches, teacher }: ErrorRates) => summariseErrors(branches, teacher)
  return {
    kind: 'eval',
    step,
    epoch,
    lr,
    split,
    images: result.images,
    top1_error: summary(errorRates(result, 'top1')),
    top5_error: summary(errorRates(result, 'top5')),
    images_per_second: result.images / result.seconds,
  }
}
