import { UserFault } from '../../vocabulary/fault.ts'
import { fileErrorCode } from '../../vocabulary/file-fault.ts'
import { BackgroundSaver } from '../checkpoint/background-saver.ts'
import { checkpointFolder, saveCheckpoint } from '../checkpoint/checkpoint.ts'
import type { KeepRule } from '../checkpoint/kept-checkpoints.ts'
import { describeModel, type ModelDescription } from '../checkpoint/model-description.ts'
import type { RunProgress } from '../checkpoint/run-state.ts'
import { viewSnapshot } from '../checkpoint/state-tensors.ts'
import type { ReplicaGroup } from '../replicas/replica-group.ts'
import { diverged } from './divergence.ts'
import type { MetricsLog } from './metrics-log.ts'
import type { RunObserver } from './run-observer.ts'
import type { PreparedRun } from './session.ts'
import type { Timetable } from './timetable.ts'

const MINUTE = 60_000

export interface CheckpointedRun {
  readonly prepared: PreparedRun
  readonly replicas: ReplicaGroup
  readonly timetable: Timetable
  readonly log: MetricsLog
  readonly note: (words: string) => void
  readonly observer: RunObserver
}

/** Checkpoints of a run that is under way: when one is due, and what is done where one cannot be written. */
export class RunCheckpoints {
  readonly #run: CheckpointedRun
  readonly #rule: KeepRule
  readonly #description: ModelDescription
  readonly #saver: BackgroundSaver
  /** What is being written in the background, null where nothing is; never rejected. */
  #writing: Promise<void> | null = null
  /** Step of the last one that was begun, or that the run began with. */
  #begunAt: number
  /** When the next is due by time. */
  #dueAt: number
  /** The newest one that this process wrote. */
  #written: RunProgress | null = null
  /** Step of the newest one there is. */
  #newest: number | null
  /** Whether the last one could not be written. */
  #failing = false
  /** The fault of a state that is not finite, to be thrown where somebody waits. */
  #diverged: UserFault | null = null

  /** @param newest step of the checkpoint that the run goes on from, null where there is none */
  constructor(run: CheckpointedRun, newest: number | null) {
    const { config, step, dataset } = run.prepared
    this.#run = run
    this.#rule = { keep: config.keep, stepsPerEpoch: run.timetable.stepsPerEpoch }
    this.#description = describeModel(config, dataset.description)
    const { layout } = step
    this.#saver = new BackgroundSaver({
      runFolder: config.out,
      layout,
      rule: this.#rule,
      description: this.#description,
    })
    this.#newest = newest
    this.#begunAt = newest ?? 0
    this.#dueAt = performance.now() + this.#interval()
  }

  /**
   * Whether one is to be written after so many updates, which are not the last of an epoch: that has its own. While one is
   * being written no other is due.
   * @throws UserFault where training has diverged
   */
  isDue(step: number): boolean {
    if (this.#diverged !== null) throw this.#diverged
    const { stepsPerEpoch, steps } = this.#run.timetable
    if (this.#writing !== null || step === this.#begunAt || step % stepsPerEpoch === 0 || step === steps) return false
    const { checkpointSteps } = this.#run.prepared.config
    const passed = (updates: number) => Math.floor(updates / checkpointSteps)
    if (checkpointSteps > 0 && passed(step) > passed(this.#begunAt)) return true
    return performance.now() >= this.#dueAt
  }

  /** Copies the state, which must rest, and lets it be written while training goes on. @throws as ReplicaGroup.run */
  async saveWithin(progress: RunProgress): Promise<void> {
    const { prepared, replicas } = this.#run
    await replicas.pullState()
    this.#saver.take(prepared.state)
    this.#begin(progress)
    this.#writing = this.#write(progress).finally(() => {
      this.#writing = null
    })
  }

  /**
   * Saves the state of now, which is up to date in shared memory, and waits for it.
   * @returns why it could not be written, null where it was
   * @throws as isDue, and a fault of ours
   */
  async saveNow(progress: RunProgress): Promise<Error | null> {
    await this.#writing
    if (this.#diverged !== null) throw this.#diverged
    if (this.#written !== null && isSameMoment(this.#written, progress)) return null
    const { prepared, log } = this.#run
    this.#begin(progress)
    try {
      await log.sync()
      const tensors = viewSnapshot(prepared.step.layout, prepared.state)
      await saveCheckpoint(prepared.config.out, { progress, tensors, description: this.#description }, this.#rule)
      await this.#succeed(progress)
      return null
    } catch (error) {
      if (isOfTheDisk(error)) return error
      throw error
    }
  }

  /** Says that one could not be written and that training goes on; once until one is written again. */
  tellFailure(step: number, error: Error): void {
    this.#dueAt = performance.now() + Math.min(MINUTE, this.#interval())
    if (this.#failing) return
    this.#failing = true
    const remedy = error instanceof UserFault ? ` ${error.remedy}` : ''
    const newest = this.#newest === null ? 'there is none yet' : `the newest is that of step ${this.#newest}`
    this.#run.note(
      `No checkpoint of step ${step}: ${error.message}${remedy} Training goes on and will try again; ${newest}.`,
    )
  }

  /** The end of a run whose last state could not be written. */
  lostEnd(step: number, error: Error): UserFault {
    const cause = error instanceof UserFault ? `${error.remedy} ` : ''
    const way =
      this.#newest === null
        ? 'There is no earlier checkpoint: then train it anew.'
        : `Then go on from step ${this.#newest}: native-ensemble resume ${this.#run.prepared.config.out}`
    return new UserFault(`The state after step ${step} is not saved: ${error.message}`, `${cause}${way}`, {
      cause: error,
    })
  }

  /** Waits for what is being written. */
  async close(): Promise<void> {
    await this.#writing
    await this.#saver.close()
  }

  async #write(progress: RunProgress): Promise<void> {
    const { step } = progress
    try {
      // A checkpoint promises the lines up to its step.
      await this.#run.log.sync()
      const answer = await this.#saver.save(progress)
      if (answer.kind === 'saved') await this.#succeed(progress)
      else {
        const rate = this.#run.timetable.learningRate(step - 1)
        this.#diverged = diverged(`finite elements of ${answer.tensor}`, step, answer.element, rate)
      }
    } catch (error) {
      // A fault of ours shows again at the end of the epoch.
      this.tellFailure(step, error instanceof Error ? error : new Error(String(error)))
    }
  }

  #begin({ step }: RunProgress): void {
    this.#begunAt = step
    this.#dueAt = performance.now() + this.#interval()
  }

  async #succeed(progress: RunProgress): Promise<void> {
    this.#written = progress
    this.#newest = progress.step
    if (this.#failing) this.#run.note(`Checkpoints are written again, the first is that of step ${progress.step}.`)
    this.#failing = false
    const { prepared, observer } = this.#run
    await observer.checkpoint?.(progress.step, checkpointFolder(prepared.config.out, progress.step))
  }

  #interval(): number {
    const { checkpointMinutes } = this.#run.prepared.config
    return checkpointMinutes === 0 ? Number.POSITIVE_INFINITY : checkpointMinutes * MINUTE
  }
}

/** Two checkpoints of one step differ where the evaluation of its epoch lies between them. */
function isSameMoment(one: RunProgress, other: RunProgress): boolean {
  return one.step === other.step && one.epoch === other.epoch
}

/** What the disk or its owner can mend: training need not end for it. */
function isOfTheDisk(error: unknown): error is Error {
  return error instanceof UserFault || (error instanceof Error && fileErrorCode(error) !== null)
}
