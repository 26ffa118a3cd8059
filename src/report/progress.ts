/** What the terminal shows while a run goes on. */
import type { ClassifierNames } from '../engine/methods/method-definition.ts'
import { LABEL_TERM, readPartName } from '../vocabulary/classifiers.ts'
import type { EpochLine, ErrorSummary, EvalLine } from './metrics.ts'

/** One moment of a run. */
export interface Progress {
  /** Epoch being trained, counted from 0. */
  readonly epoch: number
  readonly epochs: number
  /** Updates done, and all that are to be done. */
  readonly step: number
  readonly steps: number
  readonly loss: number
  readonly parts: Readonly<Record<string, number>>
  readonly imagesPerSecond: number
  readonly secondsLeft: number
}

/** Where it is shown; process.stderr is one. */
export interface ProgressTarget {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

const REFRESH_MS = 100
/** Between two lines of an evaluation where there is no terminal. */
const EVALUATION_LINE_MS = 15_000

/**
 * On a terminal one line that is overwritten, elsewhere (a file, a CI log) a line for each call of `logged`.
 * Other text goes through `note`, so that it does not run into the line.
 */
export class ProgressDisplay {
  readonly #target: ProgressTarget
  readonly #live: boolean
  #shownAt = Number.NEGATIVE_INFINITY
  #evaluationShownAt = Number.NEGATIVE_INFINITY
  #open = false

  constructor(target: ProgressTarget) {
    this.#target = target
    this.#live = target.isTTY === true
  }

  /** Whether `update` would show anything now; ask before working out what to show. */
  get due(): boolean {
    return this.#live && performance.now() - this.#shownAt >= REFRESH_MS
  }

  /** Shows the moment on a terminal; call as often as every step. */
  update(progress: Progress): void {
    if (this.due) this.#overwrite(progressLine(progress))
  }

  /** Shows what is going on on a terminal, where nothing newer was shown just now. */
  status(text: string): void {
    if (this.due) this.#overwrite(text)
  }

  /** Shows how far an evaluation is; where there is no terminal as a line at its first batch, then one in 15 s. */
  evaluating(images: number, all: number, first: boolean): void {
    const text = `evaluating: ${images}/${all} images`
    this.status(text)
    const now = performance.now()
    if (this.#live || (!first && now - this.#evaluationShownAt < EVALUATION_LINE_MS)) return
    this.#evaluationShownAt = now
    this.#target.write(`${text}\n`)
  }

  /** Shows the moment as a line of its own where there is no terminal; call every --log-every steps. */
  logged(progress: Progress): void {
    if (!this.#live) this.#target.write(`${progressLine(progress)}\n`)
  }

  /** Shows a text on lines of its own. */
  note(text: string): void {
    this.close()
    this.#target.write(`${text}\n`)
  }

  #overwrite(text: string): void {
    this.#shownAt = performance.now()
    // One column is left: a line that fills the terminal wraps, and \r only goes back to its second half.
    const width = (this.#target.columns ?? 80) - 1
    this.#target.write(`\r\x1b[K${text.slice(0, width)}`)
    this.#open = true
  }

  /** Ends the line that is overwritten: what was shown last is removed. */
  close(): void {
    if (this.#open) this.#target.write('\r\x1b[K')
    this.#open = false
  }
}

/** `1:45 left  1620 images/s  epoch 1/3  step 120/1404  loss 3.912 (branches 2.701, teacher 0.880, distillation 0.331)` */
export function progressLine(progress: Progress): string {
  const { epoch, epochs, step, steps, loss, imagesPerSecond, secondsLeft } = progress
  const parts = partSums(progress.parts)
  const inBrackets =
    parts.length > 1 ? ` (${parts.map(([name, value]) => `${name} ${value.toFixed(3)}`).join(', ')})` : ''
  // A terminal cuts the end off: what is looked for most comes first.
  return (
    `${printClock(secondsLeft)} left  ${Math.round(imagesPerSecond)} images/s  epoch ${epoch + 1}/${epochs}  ` +
    `step ${step}/${steps}  loss ${loss.toFixed(3)}${inBrackets}`
  )
}

/** An epoch that is done. */
export interface EndedEpoch {
  /** From 0. */
  readonly epoch: number
  readonly epochs: number
  /** null where the run was resumed between the epoch's last step and its evaluation. */
  readonly trained: EpochLine | null
  /** On the test images; null where none was due. */
  readonly evaluation: EvalLine | null
  /** Least test error of the run so far, percent. */
  readonly best: number | null
}

/** `epoch 2/3 done  test error 11.50 ± 0.71 %, gated teacher 9.25 % (best so far)  training error 19.50 %, loss 0.325` */
export function epochSummary({ epoch, epochs, trained, evaluation, best }: EndedEpoch, names: ClassifierNames): string {
  const words = [`epoch ${epoch + 1}/${epochs} done`]
  if (evaluation !== null) {
    const { mean } = evaluation.top1_error
    const place = best === null || mean <= best ? ' (best so far)' : ` (best ${best.toFixed(2)} %)`
    words.push(`test error ${errorWords(evaluation.top1_error, names)}${place}`)
  }
  if (trained !== null) {
    const error = trained.top1_error === undefined ? '' : `error ${trained.top1_error.mean.toFixed(2)} %, `
    words.push(`training ${error}loss ${trained.loss.toFixed(3)}`)
  }
  return words.join('  ')
}

function errorWords({ branches, mean, std, teacher }: ErrorSummary, { ensemble }: ClassifierNames): string {
  const deviation = branches.length > 1 ? ` ± ${std.toFixed(2)}` : ''
  return `${mean.toFixed(2)}${deviation} %${teacher === null ? '' : `, ${ensemble} ${teacher.toFixed(2)} %`}`
}

/** What the branches have of a term as one sum: with many branches the line would not fit. */
function partSums(parts: Progress['parts']): [string, number][] {
  const sums = new Map<string, number>()
  for (const [name, value] of Object.entries(parts)) {
    const label = partLabel(name)
    sums.set(label, (sums.get(label) ?? 0) + value)
  }
  return [...sums]
}

/** Of cross-entropies whose they are, of all other terms what they are. */
function partLabel(part: string): string {
  const { term, of, classifier } = readPartName(part)
  if (term === LABEL_TERM) return of === 'member' ? 'branches' : classifier
  return of === 'ensemble' ? `${term}, ${classifier}` : term
}

/** `59:07`, `2:03:00`. */
export function printClock(seconds: number): string {
  if (!Number.isFinite(seconds)) return '?'
  const whole = Math.max(0, Math.round(seconds))
  const two = (value: number) => String(value).padStart(2, '0')
  const minutes = Math.floor(whole / 60)
  return minutes < 60
    ? `${minutes}:${two(whole % 60)}`
    : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(whole % 60)}`
}
