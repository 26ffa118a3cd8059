/** What runs measure as lines of JSON, for loggers: `{"run": "a", "_step": 120, "epoch": 0, "loss/total": 3.9, ...}`. */
import type { MetricsLine } from '../report/metrics.ts'
import { tensorboardScalars } from '../report/tensorboard-scalars.ts'
import type { WatchedRuns } from './watched-runs.ts'

/** Gives each line of each run once, also where a run was resumed and measures some steps again. */
export class LogLines {
  readonly #runs: WatchedRuns
  /** The last step of each run that was given, and which lines of it. */
  readonly #given = new Map<
    string,
    { step: number; kinds: Set<string>; count: number; lines: readonly MetricsLine[] }
  >()

  constructor(runs: WatchedRuns) {
    this.#runs = runs
  }

  /** What is new since the last call. @throws UserFault where the folder cannot be read */
  async next(): Promise<string[]> {
    const runs = await this.#runs.list()
    return runs.flatMap(({ summary: { id }, view: { lines } }) => this.#new(id, lines).map((line) => print(id, line)))
  }

  #new(id: string, lines: readonly MetricsLine[]): MetricsLine[] {
    const given = this.#given.get(id) ?? { step: 0, kinds: new Set<string>(), count: 0, lines }
    this.#given.set(id, given)
    if (given.lines !== lines) Object.assign(given, { lines, count: 0 })
    const added = lines.slice(given.count).filter((line) => {
      const kind = line.kind === 'eval' ? line.split : line.kind
      if (line.step < given.step || (line.step === given.step && given.kinds.has(kind))) return false
      if (line.step > given.step) given.kinds.clear()
      given.step = line.step
      given.kinds.add(kind)
      return true
    })
    given.count = lines.length
    return added
  }
}

function print(run: string, line: MetricsLine): string {
  const scalars = Object.fromEntries(tensorboardScalars(line))
  return JSON.stringify({ run, _step: line.step, epoch: line.epoch, ...scalars })
}
