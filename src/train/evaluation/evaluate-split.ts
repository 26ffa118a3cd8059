import { runBatchesAhead } from '../../data/input/batches-ahead.ts'
import type { Pass } from '../../data/input/pass.ts'
import type { AssignedSlot, InputPipeline } from '../../data/input/pipeline.ts'
import { slotLabels } from '../../data/input/slot-ring.ts'
import type { Program } from '../../engine/graph/program.ts'
import { collectClassifiers, type OfClassifiers } from '../../vocabulary/classifiers.ts'
import type { ReplicaGroup } from '../replicas/replica-group.ts'
import { LOGITS, type ToldOutput, toldOutputs } from '../replicas/sent-outputs.ts'

/** Sums of one output of the evaluation program over a whole split, by the output's name. */
export type EvaluationSums = ReadonlyMap<string, number>

export interface EvaluationResult {
  readonly images: number
  readonly seconds: number
  readonly sums: EvaluationSums
  /** Class of each image, and what each classifier takes it for by `logits.<name>`; empty where the program has no logits. */
  readonly predictions: Predictions
}

/** Entries of one image have the same place. */
export interface Predictions {
  readonly labels: readonly number[]
  /** By the classifier's name. */
  readonly predicted: ReadonlyMap<string, readonly number[]>
}

export interface EvaluationOptions {
  readonly pipeline: InputPipeline
  readonly replicas: ReplicaGroup
  readonly split: Pass['split']
  /** What the replicas evaluate with. */
  readonly program: Program
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
  const { pipeline, replicas, split, program, ahead, onProgress, stop } = options
  const started = performance.now()
  const tally = new Tally(toldOutputs(program))
  let images = 0
  pipeline.open({ split, epoch: 0, augment: 'none', shuffle: 'none', firstBatch: 0, partial: 'pad' })
  const runBatch = async ({ slot, count }: AssignedSlot) => {
    const results = await replicas.run('evaluate', slot, [])
    tally.add(results, slotLabels(pipeline.ring, slot))
    pipeline.release(slot)
    images += count
    onProgress?.(images)
  }
  await runBatchesAhead(pipeline, ahead, runBatch, () => stop?.aborted !== true)
  if (stop?.aborted === true) throw new EvaluationStopped('the evaluation was stopped')
  const { sums, labels, predicted } = tally
  return { images, seconds: (performance.now() - started) / 1000, sums, predictions: { labels, predicted } }
}

/** What the batches so far come to. */
class Tally {
  readonly #outputs: readonly ToldOutput[]
  readonly sums = new Map<string, number>()
  readonly labels: number[] = []
  readonly predicted = new Map<string, number[]>()

  constructor(outputs: readonly ToldOutput[]) {
    this.#outputs = outputs
    for (const { name, predicts } of outputs) {
      if (predicts) this.predicted.set(name.slice(LOGITS.length), [])
      else this.sums.set(name, 0)
    }
  }

  /** @param results of each replica. @param slot classes of the batch's images, -1 for a row that fills it up */
  add(results: readonly (readonly number[])[], slot: Int32Array): void {
    const rows = slot.length / results.length
    for (const [replica, values] of results.entries()) {
      const labels = slot.subarray(replica * rows, (replica + 1) * rows)
      let at = 0
      for (const { name, count, predicts } of this.#outputs) {
        const own = values.slice(at, at + count)
        if (predicts) this.predicted.get(name.slice(LOGITS.length))?.push(...own.filter((_, row) => labels[row] !== -1))
        else this.sums.set(name, (this.sums.get(name) ?? 0) + (own[0] ?? Number.NaN))
        at += count
      }
      this.labels.push(...labels.filter((label) => label !== -1))
    }
  }
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
