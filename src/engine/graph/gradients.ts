import type { GraphBuilder, Value } from './graph-builder.ts'
import type { GradientCall } from './ops/op-definition.ts'
import { inOrder, placeOf } from './ops/operand-names.ts'
import { nameInputs, nameOutputs, OPS, type OpName, type Ops } from './ops.ts'
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
      const arriving = node.outputs.map((id) => scaledGradient(graph, gradients.get(id), id, node.label))
      if (arriving.every((gradient) => gradient === null)) continue
      if (!node.inputs.some((id) => wanted.has(id))) continue
      const leaving = differentiate(graph, node, arriving, (place) => wanted.has(node.inputs[place] ?? -1))
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

/** A gradient as it goes on through the node that made the value (GraphBuilder.scaleGradient). */
function scaledGradient(graph: GraphBuilder, gradient: Value | undefined, id: ValueId, label: string): Value | null {
  const factor = graph.gradientFactor(id)
  if (gradient === undefined || factor === 1) return gradient ?? null
  return graph.applyOne('Scale', [gradient], { factor }, label)
}

/**
 * Gradients of a node's operands in their order, null where they have none or it is not wanted.
 * @param arriving gradients of its results
 * @throws Error where the op is never differentiated
 */
export function differentiate<N extends OpName>(
  graph: GraphBuilder,
  node: NodeFor<N>,
  arriving: readonly (Value | null)[],
  isWanted: (place: number) => boolean,
): (Value | null)[] {
  const { op, label, attributes } = node
  const { gradient, inputs: names } = OPS[op]
  if (gradient === null) throw new Error(`Expected a differentiable operation in layer ${label} but received ${op}`)
  const [first = null] = arriving
  const valuesOf = (ids: readonly ValueId[]) => ids.map((id) => graph.value(id))
  const results = nameOutputs(node, valuesOf(node.outputs))
  const call: GradientCall<Ops[N]> = {
    ...nameInputs(node, valuesOf(node.inputs)),
    graph,
    attributes,
    label,
    arriving,
    get dy() {
      if (first === null) throw new Error(`Expected a gradient for the first result of ${op} in layer ${label}`)
      return first
    },
    output: results.input,
    wants: (name, index = 0) => isWanted(placeOf(names, name) + index),
  }
  return inOrder(names, gradient(call), node.inputs.length)
}

function valuesThatDependOn(roots: readonly Value[], nodes: readonly ProgramNode[]): ReadonlySet<ValueId> {
  const dependent = new Set(roots.map(({ id }) => id))
  for (const node of nodes) {
    if (node.inputs.some((id) => dependent.has(id))) for (const id of node.outputs) dependent.add(id)
  }
  return dependent
}
