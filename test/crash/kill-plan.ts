/** When a process is killed: at any time, or when something that is easily harmed is going on. */
import { randomStream } from '../../src/vocabulary/random.ts'

export interface KillPlan {
  /** Files whose appearance or change is waited for, by their names below the run's folder; null = the time alone decides. */
  readonly after: RegExp | null
  /** Which of these events, from 1. */
  readonly event: number
  /** Milliseconds behind it. */
  readonly delay: number
  /** Milliseconds behind the start of the process, where the event has not come by then. */
  readonly deadline: number
}

/** A moment within a file's writing lasts this long at most, milliseconds. */
const MOMENT = 6

/** Each with the number of events among which one is drawn; the more often listed the likelier. */
const BIASED: readonly (readonly [after: RegExp, events: number])[] = [
  [/\.tmp-step-\d+$/, 4],
  [/\.tmp-step-\d+$/, 4],
  [/\.tmp-old-step-\d+$/, 2],
  [/\.tmp-old-step-\d+$/, 2],
  [/^(teacher\/)?run\.lock/, 3],
  [/metrics\.jsonl$/, 12],
  [/metrics\.jsonl\.tmp$/, 1],
  [/config\.json$|machine\.json$/, 2],
  [/snapshots\//, 3],
  [/report\.html/, 2],
]

/**
 * @param span milliseconds that a process takes from its start to its end
 * @returns the plan of one kill, always the same for the same seed and number
 */
export function planKill(seed: number, kill: number, span: number): KillPlan {
  const random = randomStream(seed, 'perturbation', kill)
  const deadline = random.uniform() * span
  if (random.below(3) === 0) return { after: null, event: 0, delay: 0, deadline }
  const [after, events] = BIASED[random.below(BIASED.length)] ?? [null, 1]
  // Half of them at once: a folder is removed within a fraction of a millisecond.
  const delay = random.below(2) === 0 ? 0 : random.uniform() * MOMENT
  return { after, event: 1 + random.below(events), delay, deadline: (span + deadline) / 2 }
}
