import type { CheckpointWork } from './checkpoint-work.ts'
import type { MachineFacts } from './machine-facts.ts'
import { quantile } from './step-report.ts'

/** Milliseconds of each step in which a checkpoint was written, and of as many behind them in which nothing was. */
export interface PairOfWindows {
  readonly writing: readonly number[]
  readonly quiet: readonly number[]
}

interface Spread {
  readonly median: number
  /** First and third quartile. */
  readonly quartiles: readonly [number, number]
}

export interface CheckpointCost {
  readonly network: string
  readonly batch: number
  /** Of one checkpoint. */
  readonly bytes: number
  readonly pairs: number
  readonly imagesPerSecond: { readonly writing: Spread; readonly quiet: Spread }
  /** How much longer the steps of a pair took in which a checkpoint was written, milliseconds. */
  readonly milliseconds: Spread & {
    /** The true median lies within in 95 of 100 such measurements, whatever the times' distribution. */
    readonly interval: readonly [number, number]
  }
  /** How much longer the step took before which the state was copied, against the median of the quiet ones. */
  readonly copyMilliseconds: Spread
}

/** The aim: a checkpoint every minute costs a hundredth of it at most. */
const MINUTE = 60_000
const AIM = 0.01

export function costOf(network: string, batch: number, bytes: number, pairs: readonly PairOfWindows[]): CheckpointCost {
  const speed = (steps: readonly number[]) => (1000 * batch * steps.length) / sum(steps)
  const extra = pairs.map(({ writing, quiet }) => sum(writing) - sum(quiet)).toSorted((one, other) => one - other)
  const copies = pairs.map(({ writing, quiet }) => (writing[0] ?? Number.NaN) - spread(quiet).median)
  // Ranks by the binomial distribution's normal approximation.
  const reach = 0.98 * Math.sqrt(pairs.length)
  const at = (rank: number) => extra[Math.min(extra.length - 1, Math.max(0, Math.round(rank)))] ?? Number.NaN
  const middle = (pairs.length - 1) / 2
  return {
    network,
    batch,
    bytes,
    pairs: pairs.length,
    imagesPerSecond: {
      writing: spread(pairs.map(({ writing }) => speed(writing))),
      quiet: spread(pairs.map(({ quiet }) => speed(quiet))),
    },
    milliseconds: { ...spread(extra), interval: [at(middle - reach), at(middle + reach)] },
    copyMilliseconds: spread(copies),
  }
}

export interface CostReport {
  readonly date: string
  readonly window: number
  readonly machine: MachineFacts
  readonly load: { readonly before: number; readonly after: number }
  readonly work: readonly CheckpointWork[]
  readonly costs: readonly CheckpointCost[]
}

export function printCosts({ date, window, machine, load, work, costs }: CostReport): string {
  const number = (value: number, digits = 0) => value.toFixed(digits)
  const printSpread = ({ median, quartiles: [low, high] }: Spread) =>
    `${number(median)} (${number(low)} - ${number(high)})`
  const rows = costs.map((cost) => {
    const { median, interval } = cost.milliseconds
    const share = (milliseconds: number) => number((100 * milliseconds) / MINUTE, 2)
    return [
      '',
      `${cost.network}, batch ${cost.batch}`,
      number(cost.bytes / 1e6),
      printSpread(cost.imagesPerSecond.writing),
      printSpread(cost.imagesPerSecond.quiet),
      printSpread(cost.copyMilliseconds),
      `${number(median)} (${number(interval[0])} - ${number(interval[1])})`,
      `${share(median)} (${share(interval[0])} - ${share(interval[1])})`,
      cost.pairs,
      verdict(interval),
      '',
    ].join(' | ')
  })
  const workRows = work.map(({ network, bytes, copies, computed }) => {
    const [copy, cpu] = [spread(copies), spread(computed)]
    const most = (100 * (copy.median + cpu.median)) / MINUTE
    const target = most <= 100 * AIM ? 'reached' : 'missed'
    return `| ${network} | ${number(bytes / 1e6)} | ${printSpread(copy)} | ${printSpread(cpu)} | ${copies.length} | ${number(most, 2)} | ${target} |`
  })
  const parts = [
    `# What a checkpoint costs that is written while training goes on, ${date}`,
    `Machine: ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.system}, node ${machine.node}, ` +
      `native-ensemble ${machine.libraries['native']}. Load average before ${number(load.before, 2)}, after ${number(load.after, 2)}. ` +
      'ONE with 3 branches, fp32, 100 classes. Medians, quartiles in brackets. The aim is that a checkpoint every minute costs ' +
      '1 % of it at most.',
    '## By what it asks of the machine',
    'Checkpoints saved without a training beside them: how long the copy takes, for which the replicas rest, and how long all ' +
      'threads compute for one. The sum of both is what the training loses where it uses all cores and waits for the slowest: ' +
      'an upper bound but for caches and the disk.',
    [
      '| state of | MB | the copy, ms | computed, ms | n | of a minute, % | 1 % |',
      '|---|--:|--:|--:|--:|--:|---|',
      ...workRows,
    ].join('\n'),
  ]
  if (costs.length === 0) return parts.join('\n\n')
  return [
    ...parts,
    '## By the times of steps',
    `Random pixels of CIFAR-100's size. Pairs of windows of ${window} steps in turn: one behind a checkpoint, in which it is ` +
      'written, then one in which nothing is written. For the cost of one checkpoint the interval in which the median lies with 95 %.',
    [
      '| network | MB | images/s, written | images/s, nothing written | the copy, ms | one checkpoint, ms | of a minute, % | pairs | 1 % |',
      '|---|--:|--:|--:|--:|--:|--:|--:|---|',
      ...rows.map((row) => row.trim()),
    ].join('\n'),
  ].join('\n\n')
}

function verdict([low, high]: readonly [number, number]): string {
  if (high <= AIM * MINUTE) return 'reached'
  return low > AIM * MINUTE ? 'missed' : 'hidden by the noise'
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((one, other) => one - other)
  return { median: quantile(sorted, 0.5), quartiles: [quantile(sorted, 0.25), quantile(sorted, 0.75)] }
}
