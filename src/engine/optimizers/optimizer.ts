import type { GraphBuilder, Value } from '../graph/graph-builder.ts'
import type { OpAttributes } from '../graph/ops.ts'

/** One weight and what its update is computed from. */
export interface WeightToUpdate {
  /** PyTorch's parameter name. */
  readonly name: string
  readonly weight: Value
  /** As many as the optimizer's `states`. */
  readonly states: readonly Value[]
  /** Mean over all replicas. */
  readonly gradient: Value
  /** The learning rate, then the optimizer's `scalars`, in their order. */
  readonly scalars: readonly Value[]
}

/** A rule by which gradients change weights: the tensors it keeps for each weight, and its update as graph operations. */
export interface Optimizer {
  /** Names of its state tensors for each weight, of the weight's shape and zero at the start. A checkpoint has them all. */
  readonly states: readonly string[]
  /** Numbers beside the learning rate that each update is given, from the number of the update, counted from 1. */
  readonly scalars: Readonly<Record<string, (update: number) => number>>
  /** Appends the update of one weight. @returns its new value, then those of its states */
  update(graph: GraphBuilder, operands: WeightToUpdate): Value[]
}

/** Appends an update that `writeUpdate` wrote. */
export function appendUpdate(
  graph: GraphBuilder,
  { name, weight, states, gradient, scalars }: WeightToUpdate,
  attributes: OpAttributes['OptimizerUpdate'],
): Value[] {
  return graph.apply('OptimizerUpdate', [weight, ...states, gradient, ...scalars], attributes, name)
}

/** Filters and matrices have several axes; biases and batch norm's scales and shifts are vectors. */
export const isVector = ({ shape }: Value) => shape.length < 2
