/** Ends the tasks of threads that hang: whose work has begun and then makes no progress. */

interface Watched {
  readonly progress: () => number
  readonly controller: AbortController
  seen: number
  /** When `seen` changed last. */
  since: number
}

/** Looks at each task this often in the time that it may stand still. */
const LOOKS = 4

export class StallWatch {
  readonly #limit: number
  readonly #timer: NodeJS.Timeout
  readonly #watched = new Set<Watched>()

  /** @param seconds that a task may stand still */
  constructor(seconds: number) {
    this.#limit = seconds * 1000
    this.#timer = setInterval(() => this.#look(), this.#limit / LOOKS)
    // The run's end does not wait for it.
    this.#timer.unref()
  }

  /**
   * Runs a task under watch; its signal is aborted where it hangs.
   * @param progress a count of the task that only grows; 0 = it waits for a thread, which it may do for any time
   */
  async watch<Result>(progress: () => number, run: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
    const watched = { progress, controller: new AbortController(), seen: 0, since: performance.now() }
    this.#watched.add(watched)
    try {
      return await run(watched.controller.signal)
    } finally {
      this.#watched.delete(watched)
    }
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    const now = performance.now()
    for (const watched of this.#watched) {
      const progress = watched.progress()
      if (progress === 0 || progress !== watched.seen) {
        watched.seen = progress
        watched.since = now
      } else if (now - watched.since >= this.#limit) watched.controller.abort()
    }
  }
}
