/** The 32-bit words in which a plan crosses to the addon; native/engine/plan/plan.cpp reads them in this order. */

import type { OpAttributes } from '../../graph/ops.ts'
import { numberOf, type PlanName, type PlanNames } from './plan-names.ts'

type UpdateAttributes = OpAttributes['OptimizerUpdate']

/** Raised where the words of an instruction or of the plan change, not with new names; plan.hpp holds the same number. */
export const PLAN_VERSION = 16

/** A whole number, a float to be sent as its bits, or a name to be sent as its number. */
export type Word = number | { readonly float: number } | PlanName

export const float = (value: number): Word => ({ float: value })

export interface PlanInstruction {
  /** Its name in the addon. */
  readonly instruction: string
  readonly words: readonly Word[]
  /** What the instruction does for the user: op and layer, for profiles. */
  readonly op: string
  readonly label: string
}

/** Where a tensor of each thread's arena lies; a vector [C] is plain with height and width 1. */
export interface PlanTensor {
  /** Byte offset, a multiple of 64. */
  readonly offset: number
  readonly channels: number
  /** Channels of the tensor whose first ones these are, `channels` where it is a tensor of its own. */
  readonly wholeChannels: number
  readonly height: number
  readonly width: number
  readonly dtype: 'f32' | 'bf16'
  readonly layout: 'plain' | 'vectorised'
}

/** One output of the program and where its elements go in the flat outputs. */
export interface PlanExport {
  readonly kind: 'scalar' | 'rows' | 'vector' | 'gradient' | 'meanGradient' | 'meanStatistic' | 'state'
  /** Scalar, tensor, or first element of gradient, statistic or state, as the kind says. */
  readonly source: number
  readonly count: number
  readonly target: number
}

/** Gradients whose global norm is to be at most `largestNorm`; none where nothing is clipped. */
export interface GradientClip {
  readonly largestNorm: number
  /** First elements in the exchange, and how many. */
  readonly gradients: readonly { readonly gradient: number; readonly elements: number }[]
}

export interface SgdRange {
  readonly weight: number
  readonly momentum: number
  readonly gradient: number
  readonly elements: number
  /** Scalar index of the learning rate. */
  readonly rate: number
  readonly decay: number
  readonly weightDecay: number
}

/** What an optimizer computes for each element: OptimizerUpdate's attributes (update-arithmetic.ts). */
export interface PlanUpdate extends UpdateAttributes {
  /** Weight and states; the gradient is the next operand. */
  readonly tensors: number
  readonly scalars: number
}

export interface UpdateRange {
  /** Place in `updates`. */
  readonly update: number
  readonly elements: number
  readonly gradient: number
  /** First elements of the weight and of its states. */
  readonly tensors: readonly number[]
  readonly scalars: readonly number[]
}

export interface RunningAverageRange {
  readonly state: number
  readonly statistic: number
  readonly elements: number
  readonly weight: number
  readonly correction: number
}

/** Everything the addon needs to know of a program. Offsets into state, gradient and statistics count elements. */
export interface Plan {
  readonly block: number
  /** Whether convolutions may be our own (docs/convolutions.md). */
  readonly ownConvolutions: boolean
  readonly batch: number
  readonly imageBytes: number
  readonly labelCount: number
  readonly scalarInputs: number
  readonly scalarCount: number
  /** Bytes of one thread's arena. */
  readonly arenaBytes: number
  readonly gradientElements: number
  readonly statisticElements: number
  readonly outputElements: number
  readonly tensors: readonly PlanTensor[]
  readonly instructions: readonly PlanInstruction[]
  /** Scalars that are sums over the threads. */
  readonly reducedScalars: readonly number[]
  /** Run by the first thread after the sums. */
  readonly finalScalars: readonly PlanInstruction[]
  readonly statistics: readonly { readonly tensor: number; readonly target: number; readonly count: number }[]
  readonly clip: GradientClip
  readonly sgd: readonly SgdRange[]
  readonly updates: readonly PlanUpdate[]
  readonly updateRanges: readonly UpdateRange[]
  readonly running: readonly RunningAverageRange[]
  readonly exports: readonly PlanExport[]
}

const LINE_BYTES = 64

/** @throws UserFault where the addon lacks one of the plan's names */
export function encodePlan(plan: Plan, names: PlanNames): Int32Array {
  const words: Word[] = [
    PLAN_VERSION,
    plan.block,
    plan.ownConvolutions ? 1 : 0,
    plan.batch,
    plan.imageBytes,
    plan.labelCount,
    plan.scalarInputs,
    plan.scalarCount,
    plan.arenaBytes / LINE_BYTES,
    plan.gradientElements,
    plan.statisticElements,
    plan.outputElements,
    ...list(plan.tensors, ({ offset, channels, wholeChannels, height, width, dtype, layout }) => [
      ...[offset / LINE_BYTES, channels, height, width],
      ...[dtype === 'f32' ? 0 : 1, layout === 'plain' ? 0 : 1, wholeChannels],
    ]),
    ...list(plan.instructions, instructionWords),
    ...list(plan.reducedScalars, (scalar) => [scalar]),
    ...list(plan.finalScalars, instructionWords),
    ...list(plan.statistics, ({ tensor, target, count }) => [tensor, target, count]),
    float(plan.clip.largestNorm),
    ...list(plan.clip.gradients, ({ gradient, elements }) => [gradient, elements]),
    ...list(plan.sgd, ({ weight, momentum, gradient, elements, rate, decay, weightDecay }) => [
      ...[weight, momentum, gradient, elements, rate, float(decay), float(weightDecay)],
    ]),
    ...list(plan.updates, updateWords),
    ...list(plan.updateRanges, ({ update, elements, gradient, tensors, scalars }) => [
      ...[update, elements, gradient, ...tensors, ...scalars],
    ]),
    ...list(plan.running, ({ state, statistic, elements, weight, correction }) => [
      ...[state, statistic, elements, float(weight), float(correction)],
    ]),
    ...list(plan.exports, ({ kind, source, count, target }) => [
      { table: 'exportKinds', name: kind },
      source,
      count,
      target,
    ]),
  ]
  const encoded = new Int32Array(words.length)
  const bits = new Float32Array(1)
  const bitsAsWord = new Int32Array(bits.buffer)
  words.forEach((given, place) => {
    const word = typeof given === 'object' && 'table' in given ? numberOf(names, given) : given
    if (typeof word === 'number') {
      if (!Number.isInteger(word) || Math.abs(word) > 0x7fffffff) {
        throw new Error(`Expected a 32-bit whole number in the plan but received ${word}`)
      }
      encoded[place] = word
    } else {
      bits[0] = word.float
      encoded[place] = bitsAsWord[0] ?? 0
    }
  })
  return encoded
}

/** Three words behind each step's op: its operands, or its value. */
function updateWords({ tensors, scalars, steps, results }: PlanUpdate): Word[] {
  const words = steps.flatMap((step): Word[] => {
    const operands = step.op === 'constant' ? [float(step.value)] : step.of
    return [{ table: 'updateOps', name: step.op }, ...operands, ...Array.from({ length: 3 - operands.length }, () => 0)]
  })
  return [tensors, scalars, steps.length, ...words, ...results]
}

function instructionWords({ instruction, words }: PlanInstruction): Word[] {
  return [{ table: 'instructions', name: instruction }, ...words]
}

function list<T>(items: readonly T[], encode: (item: T) => readonly Word[]): Word[] {
  return [items.length, ...items.flatMap(encode)]
}
