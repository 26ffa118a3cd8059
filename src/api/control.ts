/** How a caller follows a run and ends it. */
import { type ProgressDisplay, type ProgressTarget, ProgressDisplay as TextDisplay } from '../report/progress.ts'
import type { RunObserver } from '../train/run/run-observer.ts'
import { type Evaluation, evaluationOf } from './evaluation.ts'

/** Where a run is written and on which host this process is. */
export interface StartEvent {
  /** The run folder. */
  readonly folder: string
  /** 0 where the run trains alone or this process leads the others; only rank 0 writes the folder. */
  readonly rank: number
}

/** What callbacks receive. */
export interface RunEvent {
  /** The run folder; of a teacher that `kd` trains first, the teacher's. */
  readonly folder: string
  /** Ends the run after the steps that have begun, with a checkpoint from which `resume` goes on. */
  readonly stop: () => void
}

/** One training step, counted from 1. */
export interface StepEvent extends RunEvent {
  readonly step: number
  /** From 0. */
  readonly epoch: number
  readonly learningRate: number
  /** The objective: the sum of `parts`, a mean over the images of the batch. */
  readonly loss: number
  /** The method's terms by name: `cross_entropy.<member>`, `distillation`, ... */
  readonly parts: Readonly<Record<string, number>>
}

/** One epoch that was trained, and evaluated where an evaluation was due (`evaluateEvery`). */
export interface EpochEvent extends RunEvent {
  /** From 0. */
  readonly epoch: number
  /** Steps done. */
  readonly step: number
  /** Means over the epoch; null where the run was resumed between the epoch's last step and its evaluation. */
  readonly train: {
    readonly loss: number
    readonly parts: Readonly<Record<string, number>>
    readonly imagesPerSecond: number
    /** Of the epoch's training, in seconds. */
    readonly seconds: number
  } | null
  /** Errors on the test images; null where none was due or there are no test images. */
  readonly test: Evaluation | null
}

/** A checkpoint that is whole on the disk. */
export interface CheckpointEvent extends RunEvent {
  readonly step: number
  /** Folder of the checkpoint. */
  readonly checkpoint: string
}

/** A callback of a run, awaited before the run goes on. Where it throws, the run is saved and stopped, and the promise rejected. */
export type Callback<Event> = (event: Event) => void | Promise<void>

/** How a caller follows a run and ends it. Nothing is printed unless `log` asks for it. */
export interface RunControl {
  /** Aborted to end the run after the steps that have begun, with a checkpoint from which `resume` goes on bit-identically. */
  readonly signal?: AbortSignal
  /**
   * Progress and notices: `true` = standard error; or whatever has a `write`. Default: nothing.
   */
  readonly log?: boolean | ProgressTarget
  /** All is checked, other hosts have come, and training begins. */
  readonly onStart?: (event: StartEvent) => void
  readonly onStep?: Callback<StepEvent>
  readonly onEpoch?: Callback<EpochEvent>
  readonly onCheckpoint?: Callback<CheckpointEvent>
}

const SILENT: ProgressTarget = { write: () => undefined }

/** What shows the progress of a call. */
export function displayFor(log: RunControl['log']): ProgressDisplay {
  if (log === undefined || log === false) return new TextDisplay(SILENT)
  return new TextDisplay(log === true ? process.stderr : log)
}

/** Callbacks as the trainer calls them, and the signal that they or the caller's own end the run by. */
export class Observation {
  readonly #control: RunControl
  readonly #own = new AbortController()
  readonly stop: AbortSignal
  #failure: { readonly error: unknown } | null = null

  constructor(control: RunControl) {
    this.#control = control
    this.stop = control.signal === undefined ? this.#own.signal : AbortSignal.any([control.signal, this.#own.signal])
  }

  /** For TrainHooks. */
  observe(folder: string): RunObserver {
    const { onStep, onEpoch, onCheckpoint } = this.#control
    return {
      ...(onStep && {
        step: ({ step, epoch, lr, loss, parts }) =>
          this.#call(onStep, { folder, step, epoch, learningRate: lr, loss, parts }),
      }),
      ...(onEpoch && {
        epoch: (trained, evaluation, epoch, step) => {
          const train = trained && {
            loss: trained.loss,
            parts: trained.parts,
            imagesPerSecond: trained.images_per_second,
            seconds: trained.seconds,
          }
          return this.#call(onEpoch, { folder, epoch, step, train, test: evaluation && evaluationOf(evaluation) })
        },
      }),
      ...(onCheckpoint && {
        checkpoint: (step, checkpoint) => this.#call(onCheckpoint, { folder, step, checkpoint }),
      }),
    }
  }

  /** @throws what a callback threw */
  rethrow(): void {
    if (this.#failure !== null) throw this.#failure.error
  }

  async #call<Event extends { readonly folder: string }>(
    callback: Callback<Event & RunEvent>,
    event: Event,
  ): Promise<void> {
    // The callback that failed is not called again while the run comes to its end.
    if (this.#failure !== null) return
    try {
      await callback({ ...event, stop: () => this.#own.abort() })
    } catch (error) {
      this.#failure = { error }
      this.#own.abort()
    }
  }
}
