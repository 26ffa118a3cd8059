/** Runs that a replica's device has been told of and whose outputs were not sent yet, the oldest first. */
export class RunQueue {
  readonly #waiting: (() => void)[] = []
  readonly #onFailure: (error: unknown) => void
  #scheduled = false

  /** @param onFailure told of a run that fails when it is finished; no more are finished then */
  constructor(onFailure: (error: unknown) => void) {
    this.#onFailure = onFailure
  }

  /**
   * Finishes the run after the messages that have come by then were served: they may be further runs, which the device
   * is to know of before this thread waits for it.
   */
  add(finish: () => void): void {
    this.#waiting.push(finish)
    this.#schedule()
  }

  /** Finishes all of them, so that an answer to a later message follows theirs. @throws what a run failed with */
  settle(): void {
    for (let finish = this.#waiting.shift(); finish !== undefined; finish = this.#waiting.shift()) finish()
  }

  #schedule(): void {
    if (this.#scheduled || this.#waiting.length === 0) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      try {
        this.#waiting.shift()?.()
        this.#schedule()
      } catch (error) {
        this.#waiting.length = 0
        this.#onFailure(error)
      }
    })
  }
}
