import { bare, pickValues } from '../../graph/ops/operand-names.ts'
import { OPS, type OpName } from '../../graph/ops.ts'
import type { NodeFor, ProgramNode, ValueId } from '../../graph/program.ts'
import { ACTIVATION_LOWERINGS } from './lower-activation.ts'
import { BATCH_NORM_LOWERINGS } from './lower-batch-norm.ts'
import { CHANNEL_LOWERINGS } from './lower-channels.ts'
import { CLASSIFIER_LOWERINGS } from './lower-classifier.ts'
import { CONVOLUTION_LOWERINGS } from './lower-convolution.ts'
import { DISTILLATION_LOWERINGS } from './lower-distillation.ts'
import { ELEMENTWISE_LOWERINGS } from './lower-elementwise.ts'
import { LOSS_LOWERINGS } from './lower-losses.ts'
import { POOLING_LOWERINGS } from './lower-pooling.ts'
import { UPDATE_LOWERINGS } from './lower-updates.ts'
import type { Lowering } from './lowering.ts'
import { type LoweringsOf, lowerWith, type OpLowering } from './op-lowering.ts'

const LOWERINGS: LoweringsOf<OpName> = {
  ...CONVOLUTION_LOWERINGS,
  ...BATCH_NORM_LOWERINGS,
  ...ACTIVATION_LOWERINGS,
  ...DISTILLATION_LOWERINGS,
  ...ELEMENTWISE_LOWERINGS,
  ...POOLING_LOWERINGS,
  ...CHANNEL_LOWERINGS,
  ...CLASSIFIER_LOWERINGS,
  ...LOSS_LOWERINGS,
  ...UPDATE_LOWERINGS,
}

function loweringOf<N extends OpName>({ op }: NodeFor<N>): OpLowering<N> {
  return LOWERINGS[op]
}

/** Appends the instructions of one node. */
export function lowerNode(lowering: Lowering, node: ProgramNode): void {
  lowerAny(lowering, node)
}

function lowerAny<N extends OpName>(lowering: Lowering, node: NodeFor<N>): void {
  lowerWith(loweringOf(node), lowering, node)
}

/** Places of a node's operands that lie in the arena, a row an image. */
export function rowPlaces({ op, inputs }: ProgramNode): readonly number[] {
  return pickValues(OPS[op].inputs, [...inputs.keys()], LOWERINGS[op].rows)
}

/** Operands over which a result may be written, best first. */
export function overwrittenOperands({ op, inputs }: ProgramNode, output: number): readonly ValueId[] {
  const overwrites: Readonly<Record<string, readonly string[]>> = LOWERINGS[op].overwrites ?? {}
  const { inputs: names, outputs } = OPS[op]
  return pickValues(names, inputs, overwrites[bare(outputs[output] ?? '')] ?? [])
}
