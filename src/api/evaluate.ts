/** Errors of a run. */

import { refuseFaults } from '../config/config-fault.ts'
import type { RunConfig } from '../config/run-config.ts'
import type { EvalLine } from '../report/metrics.ts'
import { findCheckpoint } from '../train/checkpoint/checkpoint.ts'
import { loadImages } from '../train/run/load-images.ts'
import { readConfigWithImages } from '../train/run/run-images.ts'
import { explained } from './begin.ts'
import { type Evaluation, evaluationOf } from './evaluation.ts'
import { type EvaluationSettings, type OwnSettings, settingsOf, strangeSettings } from './settings.ts'

/** What is evaluated, and where; definitions that the run began with as `resume` takes them. */
export interface EvaluateOptions extends Partial<EvaluationSettings>, OwnSettings {
  /** A step, the newest, or the one with the least test error (default: `latest`). */
  readonly checkpoint?: number | 'latest' | 'best'
  /** Default: `test`. */
  readonly split?: 'test' | 'train'
  /** Evaluates the moving average of the weights that a run with `ema` keeps (default: the weights). */
  readonly ema?: boolean
  /** Ends the evaluation; the promise is then rejected with the signal's reason. */
  readonly signal?: AbortSignal
}

/**
 * Top-1 and top-5 error of each member and of the ensemble on a whole split; as `native-ensemble evaluate`.
 * @param folder of the run
 * @throws UserFault where there is no such run or checkpoint, and for images that are not the run's
 */
export async function evaluate(folder: string, options: EvaluateOptions = {}): Promise<Evaluation> {
  return evaluationOf((await evaluateCheckpoint(folder, options)).line)
}

/** As evaluate, for the command line: with the run's settings. */
export async function evaluateCheckpoint(
  folder: string,
  options: EvaluateOptions,
): Promise<{ readonly line: EvalLine; readonly config: RunConfig }> {
  return await explained(async () => {
    const { checkpoint = 'latest', split = 'test', signal, ema = false } = options
    const given = settingsOf(options, ['checkpoint', 'split', 'signal', 'ema'])
    refuseFaults(strangeSettings(given, 'evaluate', ['checkpoint', 'split']), 'this command')
    const config = await readConfigWithImages(folder, given)
    const chosen = await findCheckpoint(config.out, checkpoint)
    const images = loadImages(config)
    const { evaluateRun } = await import('../train/run/evaluate-run.ts')
    try {
      return { line: await evaluateRun(config, images, chosen, split, { stop: signal, ema }), config }
    } catch (error) {
      signal?.throwIfAborted()
      throw error
    }
  })
}
