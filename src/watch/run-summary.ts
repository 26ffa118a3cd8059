/** A run in the list of all. */

import { hasStalled } from '../config/early-stop.ts'
import { bestEvaluation } from '../report/epoch-table.ts'
import type { MetricsLine, StepLine } from '../report/metrics.ts'
import { printClock } from '../report/progress.ts'
import { lastTest, runTitles } from '../report/run-sections.ts'
import { type RunView, stepsPerEpoch } from '../report/run-view.ts'

/** `stopped`: nobody works on it, and `resume` would go on. */
export type RunState = 'running' | 'finished' | 'stopped'

export interface RunSummary {
  /** Path below the folder that is watched. */
  readonly id: string
  readonly title: string
  readonly state: RunState
  /** Steps done, and all; null where that is not known. */
  readonly step: number
  readonly steps: number | null
  readonly epoch: number | null
  readonly epochs: number | null
  /** Mean top-1 error on the test images, percent: the last and the least; null before the first evaluation. */
  readonly error: number | null
  readonly best: number | null
  readonly imagesPerSecond: number | null
  /** `1:45:00`; null where it is not running, or nothing tells. */
  readonly timeLeft: string | null
  /** Another text whenever there is something new to show. */
  readonly version: string
  /** What is wrong with its files; null where nothing is. */
  readonly fault: string | null
}

/** Step lines that the speed is taken from. */
const RECENT = 20

export function summarise(id: string, view: RunView, locked: boolean, version: string): RunSummary {
  const { lines, length, config } = view
  const step = lines.at(-1)?.step ?? 0
  const steps = length?.steps ?? numberOf(config['steps'])
  const [last, best] = [lastTest(lines), bestEvaluation(lines)]
  const early = last && best && hasStalled({ earlyStop: numberOf(config['earlyStop']) }, best.epoch, last.epoch)
  const whole = steps !== null && step >= steps && (lines.at(-1)?.kind === 'eval' || !locked)
  const finished = whole || early === true
  const perEpoch = stepsPerEpoch(view)
  const speed = recentSpeed(lines)
  const batch = numberOf(config['batch'])
  const left = steps !== null && batch !== null && speed !== null ? ((steps - step) * batch) / speed : null
  return {
    id,
    title: runTitles(config)[0],
    state: finished ? 'finished' : locked ? 'running' : 'stopped',
    step,
    steps,
    epoch: perEpoch === null ? null : step / perEpoch,
    epochs: length?.epochs ?? (config['steps'] === null ? numberOf(config['epochs']) : null),
    error: last?.top1_error.mean ?? null,
    best: best?.top1_error.mean ?? null,
    imagesPerSecond: speed,
    timeLeft: locked && !finished && left !== null ? printClock(left) : null,
    version,
    fault: null,
  }
}

function numberOf(value: unknown): number | null {
  return typeof value === 'number' ? value : null
}

/** Images over time of the last step lines, which stand for as many steps each; null before the first. */
function recentSpeed(lines: readonly MetricsLine[]): number | null {
  const recent: StepLine[] = []
  for (let at = lines.length - 1; at >= 0 && recent.length < RECENT; at--) {
    const line = lines[at]
    if (line?.kind === 'step' && line.images_per_second > 0) recent.push(line)
  }
  if (recent.length === 0) return null
  return recent.length / recent.reduce((sum, line) => sum + 1 / line.images_per_second, 0)
}
