import { ACTIVATION, type ActivationOps } from './ops/activation.ts'
import { BATCH_NORM, type BatchNormOps } from './ops/batch-norm.ts'
import { CHANNELS, type ChannelOps } from './ops/channels.ts'
import { CLASSIFIER, type ClassifierOps } from './ops/classifier.ts'
import { CONVOLUTION, type ConvolutionOps } from './ops/convolution.ts'
import { DISTILLATION, type DistillationOps } from './ops/distillation.ts'
import { ELEMENTWISE, type ElementwiseOps } from './ops/elementwise.ts'
import { LOSSES, type LossOps } from './ops/losses.ts'
import type { OpFamily } from './ops/op-definition.ts'
import { type NamedValues, nameValues } from './ops/operand-names.ts'
import { POOLING, type PoolingOps } from './ops/pooling.ts'
import { UPDATES, type UpdateOps } from './ops/updates.ts'

/**
 * The closed list of operations. Every meaning (shape, gradient, FLOPs in ops/, executors) is a table over it, so the compiler
 * names each table that lacks a row. Names follow TensorFlow.js kernels where they coincide. In the comments B = batch,
 * C = channels, H, W = height, width, K = classes, m = branches; `d` before a name means its gradient.
 */
export interface Ops
  extends ConvolutionOps,
    BatchNormOps,
    ActivationOps,
    ElementwiseOps,
    PoolingOps,
    ChannelOps,
    ClassifierOps,
    LossOps,
    DistillationOps,
    UpdateOps {}

/** Operations that a graph may have. */
export type OpName = keyof Ops
/** Attributes of each operation. */
export type OpAttributes = { readonly [N in OpName]: Ops[N]['attributes'] }
export type OpInputs<N extends OpName> = Ops[N]['inputs']
export type OpOutputs<N extends OpName> = Ops[N]['outputs']

export const OPS: OpFamily<Ops> = {
  ...CONVOLUTION,
  ...BATCH_NORM,
  ...ACTIVATION,
  ...ELEMENTWISE,
  ...POOLING,
  ...CHANNELS,
  ...CLASSIFIER,
  ...LOSSES,
  ...DISTILLATION,
  ...UPDATES,
}

/** An op of a layer with what it reads, be it values, types or tensors. */
interface AppliedOp<N extends OpName> {
  readonly op: N
  readonly label: string
}

/** What a node reads by name: `nameInputs(node, node.inputs).input('filters')`. */
export function nameInputs<N extends OpName, T>({ op, label }: AppliedOp<N>, values: readonly T[]) {
  const named: NamedValues<OpInputs<N>, T> = nameValues(OPS[op].inputs, values, `${op} of layer ${label}`)
  return named
}

/** What a node makes by name, as `nameInputs`. */
export function nameOutputs<N extends OpName, T>({ op, label }: AppliedOp<N>, values: readonly T[]) {
  const named: NamedValues<OpOutputs<N>, T> = nameValues(OPS[op].outputs, values, `${op} of layer ${label}`)
  return named
}
