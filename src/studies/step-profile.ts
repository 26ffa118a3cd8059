/** Where the time of a training step goes: sums of the times of its instructions by op and by layer. */
import type { InstructionTime } from '../engine/executors/executor.ts'

/**
 * Times are milliseconds, means over the steps, of the first thread of the first replica, with what it waits for the other
 * threads; shares are of all its instructions.
 */
export interface StepProfile {
  /** Steps that were timed. */
  readonly steps: number
  /** Images of a step, over all replicas. */
  readonly batch: number
  readonly replicas: number
  /** Of each replica. */
  readonly threads: number
  /** All instructions of a step. */
  readonly step_ms: number
  /** From the end of one step to the end of the next: with what a step waits for its images and messages. */
  readonly wall_ms: number
  readonly images_per_second: number
  /** Convolutions, forward and both gradients, with what is fused into them. */
  readonly convolution_ms: number
  readonly convolution_share: number
  readonly step_over_convolutions: number
  /** Of all replicas: activations, working copies of weights, scratch memory. */
  readonly plan_bytes: number
  /** Slowest first. */
  readonly by_op: readonly OpTime[]
  /** Slowest first. */
  readonly by_layer: readonly LayerTime[]
}

export interface OpTime {
  readonly op: string
  /** Instructions of a step. */
  readonly count: number
  readonly ms: number
  readonly share: number
}

export interface LayerTime {
  readonly layer: string
  readonly forward_ms: number
  readonly backward_ms: number
  readonly ms: number
  readonly share: number
}

const isConvolution = (op: string) => op.startsWith('Conv2D')
/** As the graph names the ops of gradients: Conv2DBackpropInput, BatchNormGrad, ... */
const isBackward = (op: string) => op.includes('Backprop') || op.endsWith('Grad')

/** What was measured, and of what. */
export interface ProfiledSteps extends Pick<StepProfile, 'batch' | 'replicas' | 'threads'> {
  /** Sums over the steps. */
  readonly times: readonly InstructionTime[]
  /** Time of each step, milliseconds. */
  readonly walls: readonly number[]
  /** Of one replica. */
  readonly planBytes: number
}

export function summariseProfile({ times, walls, planBytes, batch, replicas, threads }: ProfiledSteps): StepProfile {
  const steps = walls.length
  const perStep = times.map((time) => ({ ...time, ms: time.milliseconds / steps }))
  const stepMs = sumOf(perStep)
  const convolutionMs = sumOf(perStep.filter(({ op }) => isConvolution(op)))
  const wallMs = walls.reduce((sum, wall) => sum + wall, 0) / steps
  return {
    steps,
    batch,
    replicas,
    threads,
    step_ms: stepMs,
    wall_ms: wallMs,
    images_per_second: (1000 * batch) / wallMs,
    convolution_ms: convolutionMs,
    convolution_share: convolutionMs / stepMs,
    step_over_convolutions: stepMs / convolutionMs,
    plan_bytes: replicas * planBytes,
    by_op: [...groupBy(perStep, ({ op }) => op)]
      .map(([op, list]) => ({ op, count: list.length, ms: sumOf(list), share: sumOf(list) / stepMs }))
      .toSorted(slowestFirst),
    by_layer: [...groupBy(perStep, ({ op, label }) => (label === '' ? `(${op})` : label))]
      .map(([layer, list]) => ({
        layer,
        forward_ms: sumOf(list.filter(({ op }) => !isBackward(op))),
        backward_ms: sumOf(list.filter(({ op }) => isBackward(op))),
        ms: sumOf(list),
        share: sumOf(list) / stepMs,
      }))
      .toSorted(slowestFirst),
  }
}

function groupBy<T>(list: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of list) {
    const group = groups.get(keyOf(item))
    if (group === undefined) groups.set(keyOf(item), [item])
    else group.push(item)
  }
  return groups
}

function sumOf(list: readonly { readonly ms: number }[]): number {
  return list.reduce((sum, { ms }) => sum + ms, 0)
}

const slowestFirst = (left: { readonly ms: number }, right: { readonly ms: number }) => right.ms - left.ms
