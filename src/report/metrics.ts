/** The lines of metrics.jsonl: everything that a run measured, in the order in which it happened. */
import { readFile } from 'node:fs/promises'
import { expected } from '../vocabulary/fault.ts'
import { fileFault } from '../vocabulary/file-fault.ts'

interface LineBase {
  /** Optimiser updates done when the line was written; 1 after the first. */
  readonly step: number
  /** Epoch of that update, counted from 0. */
  readonly epoch: number
  /** Learning rate of that update. */
  readonly lr: number
}

interface Losses {
  /** The objective: the sum of its parts, the distillation term with its weight w(epoch). */
  readonly loss: number
  /** `cross_entropy.<branch>`, `cross_entropy.teacher`, `distillation` (weighted), each a mean over the images. */
  readonly parts: Readonly<Record<string, number>>
  readonly images_per_second: number
}

/** One step: its own losses, and the speed since the step line before. */
export interface StepLine extends LineBase, Losses {
  readonly kind: 'step'
}

/** One epoch: losses as means over its images, the speed over all of it. */
export interface EpochLine extends LineBase, Losses {
  readonly kind: 'epoch'
  /** Wall time of the epoch, evaluation not included. */
  readonly seconds: number
  /** Part of it that the replicas waited for images to be decoded, percent; not in files of runs before there was this. */
  readonly input_wait?: number
  /**
   * On the augmented training images as the epoch met them, each with the weights of its step and batch statistics; not
   * in files of runs before there was this.
   */
  readonly top1_error?: ErrorSummary
}

/** Error of each classifier in percent. */
export interface ErrorSummary {
  /** One entry a branch. */
  readonly branches: readonly number[]
  /** Mean of the branches, the paper's figure for ONE. */
  readonly mean: number
  /** Standard deviation over the branches (n - 1 in the denominator; 0 for one branch). */
  readonly std: number
  /** The gated ensemble, the paper's ONE-E; null where the method has none. */
  readonly teacher: number | null
}

/** One evaluation of the whole split. */
export interface EvalLine extends LineBase {
  readonly kind: 'eval'
  readonly split: 'train' | 'test'
  readonly images: number
  readonly top1_error: ErrorSummary
  readonly top5_error: ErrorSummary
  readonly images_per_second: number
}

export type MetricsLine = StepLine | EpochLine | EvalLine

/** @param branches error of each branch, percent */
export function summariseErrors(branches: readonly number[], teacher: number | null): ErrorSummary {
  const mean = branches.reduce((sum, error) => sum + error, 0) / branches.length
  const squares = branches.reduce((sum, error) => sum + (error - mean) ** 2, 0)
  return { branches, mean, std: branches.length > 1 ? Math.sqrt(squares / (branches.length - 1)) : 0, teacher }
}

/**
 * Lines of a metrics file. A last line that a killed process left unfinished is dropped.
 * @throws UserFault where the file cannot be read or another line is not one of ours
 */
export async function readMetrics(path: string): Promise<MetricsLine[]> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    throw fileFault(error, 'read', path)
  }
  const lines = text.split('\n')
  lines.pop()
  return lines.map((line, index) => parseMetricsLine(line, `${path}, line ${index + 1}`))
}

/** @param place of the text, for the message. @throws UserFault where it is not one of our lines */
export function parseMetricsLine(text: string, place: string): MetricsLine {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    value = null
  }
  if (isMetricsLine(value)) return value
  throw expected('a line of metrics', place, text.slice(0, 80), 'Remove that line, or take the file from a copy.')
}

function isMetricsLine(value: unknown): value is MetricsLine {
  if (typeof value !== 'object' || value === null || !('kind' in value && 'step' in value && 'epoch' in value)) {
    return false
  }
  if (typeof value.step !== 'number' || typeof value.epoch !== 'number') return false
  if (value.kind === 'eval') return 'top1_error' in value && 'top5_error' in value
  return (value.kind === 'step' || value.kind === 'epoch') && 'loss' in value && 'parts' in value
}
