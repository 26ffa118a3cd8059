import type { NodeFor, ProgramNode, ValueId } from './program.ts'

/** A node that updates one weight: weight, states, gradient, scalars -> new weight, new states. */
export type OptimizerNode = NodeFor<'SgdNesterov'> | NodeFor<'OptimizerUpdate'>

export function isOptimizerNode(node: ProgramNode): node is OptimizerNode {
  return node.op === 'SgdNesterov' || node.op === 'OptimizerUpdate'
}

export interface OptimizerNodeOperands {
  readonly weight: ValueId
  /** In the order of the outputs behind the weight's. */
  readonly states: readonly ValueId[]
  readonly gradient: ValueId
  /** The learning rate, then the optimizer's own. */
  readonly scalars: readonly ValueId[]
}

export function operandsOf({ op, label, inputs, outputs }: OptimizerNode): OptimizerNodeOperands {
  const [weight, ...rest] = inputs
  const states = rest.slice(0, outputs.length - 1)
  const [gradient, ...scalars] = rest.slice(outputs.length - 1)
  if (weight === undefined || gradient === undefined) {
    throw new Error(`Expected a weight and its gradient for ${op} of ${label} but received ${inputs.length} operands`)
  }
  return { weight, states, gradient, scalars }
}
