import type { PendingRun } from '../../engine/executors/executor.ts'

/** Runs that a replica's device was told of, the oldest first, and the answers that are still to be given. */
export class RunQueue {
  readonly #ahead: number
  readonly #onFailure: (error: unknown) => void
  /** Runs that the device is not known to have ended. */
  readonly #running: PendingRun[] = []
  /** Runs whose outputs lie on the device. */
  #unfetched: PendingRun[] = []
  readonly #answers: (() => void)[] = []
  #scheduled = false

  /**
   * @param ahead runs that the device may have at a time
   * @param onFailure told of a run that fails when it is waited for; nothing more is answered then
   */
  constructor(ahead: number, onFailure: (error: unknown) => void) {
    this.#ahead = ahead
    this.#onFailure = onFailure
  }

  /** Before a run is started: waits until the device may have one more. @throws what a run failed with */
  makeRoom(): void {
    while (this.#running.length >= this.#ahead) this.#running.shift()?.waitUntilEnded()
  }

  /** Takes up a run that was started. @param answer called when its inputs were read */
  add(run: PendingRun, answer: () => void): void {
    this.#running.push(run)
    this.#unfetched.push(run)
    this.#answer(() => {
      run.waitUntilRead()
      answer()
    })
  }

  /** Fetches the outputs of all runs since the last time. @param answer called with those of each, the oldest first */
  fetch(answer: (outputs: number[][]) => void): void {
    const runs = this.#unfetched
    this.#unfetched = []
    this.#answer(() => {
      // All copies are under way before the first is waited for.
      for (const run of runs) run.fetch()
      answer(runs.map((run) => Array.from(run.outputs())))
    })
  }

  /** Gives all answers and waits for all runs, so that what follows finds them ended. @throws what a run failed with */
  settle(): void {
    for (let give = this.#answers.shift(); give !== undefined; give = this.#answers.shift()) give()
    for (let run = this.#running.shift(); run !== undefined; run = this.#running.shift()) run.waitUntilEnded()
  }

  /**
   * Gives an answer after the messages that have come by then were served: they may be further runs, which the device is
   * to know of before this thread waits for it.
   */
  #answer(give: () => void): void {
    this.#answers.push(give)
    this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled || this.#answers.length === 0) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      try {
        this.#answers.shift()?.()
        this.#schedule()
      } catch (error) {
        this.#answers.length = 0
        this.#onFailure(error)
      }
    })
  }
}
