import type { TrainOutcome } from '../train/run/train.ts'
import { type Evaluation, evaluationOf } from './evaluation.ts'

/** A run after `train` or `resume`. */
export interface Run {
  /** The run folder: config.json, metrics.jsonl, checkpoints, report.html. */
  readonly folder: string
  /** `stopped` = by the signal or a callback; `resume(run.folder)` goes on bit-identically. */
  readonly ended: 'finished' | 'stopped'
  /** Optimizer steps done. */
  readonly step: number
  /** The last evaluation on the test images that this call made; null where it made none. */
  readonly test: Evaluation | null
  /** 0 where it trained alone or led the others; other ranks write nothing and have no evaluation. */
  readonly rank: number
}

/** What the trainer ends with, of one of several hosts. */
export interface RankedOutcome extends Omit<TrainOutcome, 'files'> {
  readonly folder: string
  readonly rank: number
}

export function runOf({ folder, ended, step, evaluation, rank }: RankedOutcome): Run {
  const test = evaluation && evaluationOf(evaluation)
  return { folder, ended: ended === 'finished' ? 'finished' : 'stopped', step, test, rank }
}
