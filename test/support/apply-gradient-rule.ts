import { type ForwardNode, GRADIENT_RULES } from '../../src/engine/graph/gradient-rules.ts'
import type { GraphBuilder, Value } from '../../src/engine/graph/graph-builder.ts'
import type { OpName } from '../../src/engine/graph/ops.ts'

/**
 * Applies the gradient rule of the builder's last node to the gradient of its first output, all gradients of inputs
 * wanted. @param arriving captures that gradient
 */
export function applyGradientRule(graph: GraphBuilder, arriving: (y: Value) => Value): (Value | null)[] {
  const node = graph.nodes.at(-1)
  const [first, ...others] = node?.outputs ?? []
  if (node === undefined || first === undefined) throw new Error('Expected a node with an output')
  const forward = {
    inputs: node.inputs.map((id) => graph.value(id)),
    outputs: node.outputs.map((id) => graph.value(id)),
    attributes: node.attributes,
    label: 'gradient',
    wants: () => true,
  }
  // As in gradients.ts: a rule takes the attributes of its own op, which a lookup by name hides from the compiler.
  const rule = GRADIENT_RULES[node.op] as
    | ((graph: GraphBuilder, node: ForwardNode<OpName>, gradients: readonly (Value | null)[]) => (Value | null)[])
    | null
  if (rule === null) throw new Error(`Expected a gradient rule for ${node.op}`)
  return rule(graph, forward, [arriving(graph.value(first)), ...others.map(() => null)])
}
