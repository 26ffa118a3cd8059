import { runBatchesAhead } from '../../data/input/batches-ahead.ts'
import type { Pass } from '../../data/input/pass.ts'
import type { AssignedSlot, InputPipeline } from '../../data/input/pipeline.ts'
import { collectClassifiers, type OfClassifiers } from '../../vocabulary/classifiers.ts'
import type { ReplicaGroup } from '../replicas/replica-group.ts'

/** Sums of one output of the evaluation program over a whole split, by the output's name. */
export type EvaluationSums = ReadonlyMap<string, number>

export interface EvaluationResult {
  readonly images: number
  readonly seconds: number
  readonly sums: EvaluationSums
}

export interface EvaluationOptions {
  readonly pipeline: InputPipeline
  readonly replicas: ReplicaGroup
  readonly split: Pass['split']
  /** Names of the evaluation program's scalar outputs. */
  readonly outputs: readonly string[]
  /** Batches being run or waiting at a time. */
  readonly ahead: number
  readonly onProgress?: (images: number) => void
  /** Aborted to end after the batches that are being run. */
  readonly stop?: AbortSignal
}

/** An evaluation was ended by its `stop` before it had seen all images: there is no result. */
export class EvaluationStopped extends Error {}

/** Runs every image of a split once, in the archive's order, the last batch padded. @throws EvaluationStopped */
export async function evaluateSplit(options: EvaluationOptions): Promise<EvaluationResult> {
  const { pipeline, replicas, split, outputs, ahead, onProgress, stop } = options
  const started = performance.now()
  const sums = new Map(outputs.map((name) => [name, 0]))
  let images = 0
  pipeline.open({ split, epoch: 0, augment: 'none', shuffle: 'none', firstBatch: 0, partial: 'pad' })
  const runBatch = async ({ slot, count }: AssignedSlot) => {
    const results = await replicas.run('evaluate', slot, [])
    pipeline.release(slot)
    for (const values of results) {
      outputs.forEach((name, place) => {
        sums.set(name, (sums.get(name) ?? 0) + (values[place] ?? Number.NaN))
      })
    }
    images += count
    onProgress?.(images)
  }
  await runBatchesAhead(pipeline, ahead, runBatch, () => stop?.aborted !== true)
  if (stop?.aborted === true) throw new EvaluationStopped('the evaluation was stopped')
  return { images, seconds: (performance.now() - started) / 1000, sums }
}

/** Errors in percent of each classifier. */
export type ErrorRates = OfClassifiers<number>

/** @param hits `top1` or `top5`: which counts of the evaluation program */
export function errorRates({ sums, images }: EvaluationResult, hits: 'top1' | 'top5'): ErrorRates {
  return collectClassifiers((name) => {
    const correct = sums.get(`${hits}.${name}`)
    return correct === undefined ? undefined : (100 * (images - correct)) / images
  })
}
