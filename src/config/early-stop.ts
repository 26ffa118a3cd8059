import type { RunConfig } from './run-config.ts'

/**
 * Whether `--early-stop` ends a run at an evaluation: the mean test error of its members has been no lower for that many epochs.
 * @param best epoch of the lowest error, `epoch` that of the evaluation, both counted alike
 */
export function hasStalled({ earlyStop }: Pick<RunConfig, 'earlyStop'>, best: number, epoch: number): boolean {
  return earlyStop !== null && epoch - best >= earlyStop
}
