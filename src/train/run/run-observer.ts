import type { EpochLine, EvalLine, StepLine } from '../../report/metrics.ts'

/** Told how a run goes on, in the order in which it does. What it does is awaited; it never throws. */
export interface RunObserver {
  /** A step's outputs are there: with executors that keep them on the device, those of several steps at once. */
  step?(line: Omit<StepLine, 'images_per_second' | 'kind'>): Promise<void>
  /**
   * An epoch is trained, and evaluated where an evaluation was due; the checkpoint comes afterwards.
   * @param trained null where the run was resumed between the epoch's last step and its evaluation
   */
  epoch?(trained: EpochLine | null, evaluation: EvalLine | null, epoch: number, step: number): Promise<void>
  /** A checkpoint is whole on the disk. @param folder of the checkpoint */
  checkpoint?(step: number, folder: string): Promise<void>
}
