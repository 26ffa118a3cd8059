import { differentiate } from '../../src/engine/graph/gradients.ts'
import type { GraphBuilder, Value } from '../../src/engine/graph/graph-builder.ts'

/**
 * Applies the gradient rule of the builder's last node to the gradient of its first output, all gradients of inputs
 * wanted. @param arriving captures that gradient
 */
export function applyGradientRule(graph: GraphBuilder, arriving: (y: Value) => Value): (Value | null)[] {
  const node = graph.nodes.at(-1)
  const [first, ...others] = node?.outputs ?? []
  if (node === undefined || first === undefined) throw new Error('Expected a node with an output')
  return differentiate(graph, node, [arriving(graph.value(first)), ...others.map(() => null)], () => true)
}
