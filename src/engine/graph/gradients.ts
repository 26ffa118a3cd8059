import { type ForwardNode, GRADIENT_RULES } from './gradient-rules.ts'
import type { GraphBuilder, Value } from './graph-builder.ts'
import type { OpName } from './ops.ts'
import type { NodeFor, ProgramNode, ValueId } from './program.ts'

/**
 * Appends the backward pass of a scalar loss and returns its gradient towards each of `towards` (reverse mode; a value used
 * several times gets the sum of its gradients in reverse order of use).
 * @throws Error where a value does not reach the loss
 */
export function appendGradients(graph: GraphBuilder, loss: Value, towards: readonly Value[]): Value[] {
  return graph.phase('backward', () => {
    const forward = [...graph.nodes]
    const wanted = valuesThatDependOn(towards, forward)
    const gradients = new Map<ValueId, Value>()
    gradients.set(loss.id, graph.applyOne('Constant', [], { value: 1 }, 'loss'))

    for (const node of forward.reverse()) {
      const arriving = node.outputs.map((id) => gradients.get(id) ?? null)
      if (arriving.every((gradient) => gradient === null)) continue
      if (!node.inputs.some((id) => wanted.has(id))) continue
      const leaving = differentiate(graph, node, arriving, wanted)
      node.inputs.forEach((id, place) => {
        const gradient = leaving[place] ?? null
        if (gradient === null || !wanted.has(id)) return
        const sum = gradients.get(id)
        const label = node.label
        gradients.set(id, sum === undefined ? gradient : graph.applyOne('Add', [sum, gradient], {}, label))
      })
    }
    return towards.map(({ id }) => {
      const gradient = gradients.get(id)
      if (gradient === undefined)
        throw new Error(`Expected value ${id} to reach the loss but received no gradient for it`)
      return gradient
    })
  })
}

function differentiate(
  graph: GraphBuilder,
  node: ProgramNode,
  arriving: readonly (Value | null)[],
  wanted: ReadonlySet<ValueId>,
): (Value | null)[] {
  const rule = ruleOf(node)
  if (rule === null) {
    throw new Error(`Expected a differentiable operation in layer ${node.label} but received ${node.op}`)
  }
  const forwardNode = {
    inputs: node.inputs.map((id) => graph.value(id)),
    outputs: node.outputs.map((id) => graph.value(id)),
    attributes: node.attributes,
    label: node.label,
    wants: (input: number) => wanted.has(node.inputs[input] ?? -1),
  }
  return rule(graph, forwardNode, arriving)
}

type AnyRule = (
  graph: GraphBuilder,
  node: ForwardNode<OpName>,
  gradients: readonly (Value | null)[],
) => (Value | null)[]

/** The rule of a node's own op, which therefore takes its attributes; the union of nodes hides that from the compiler. */
function ruleOf<N extends OpName>(node: NodeFor<N>): AnyRule | null {
  return GRADIENT_RULES[node.op] as AnyRule | null
}

function valuesThatDependOn(roots: readonly Value[], nodes: readonly ProgramNode[]): ReadonlySet<ValueId> {
  const dependent = new Set(roots.map(({ id }) => id))
  for (const node of nodes) {
    if (node.inputs.some((id) => dependent.has(id))) for (const id of node.outputs) dependent.add(id)
  }
  return dependent
}
