import { lastReads } from '../../graph/memory-plan.ts'
import {
  type NodeFor,
  operands,
  type Program,
  type ProgramNode,
  results,
  typeOf,
  type ValueId,
} from '../../graph/program.ts'
import { findMasks, readsOf } from './fold-rectifiers.ts'
import { findUses } from './uses.ts'

/** Of a row of blocks, one in so many keeps its output for the backward pass (docs/memory.md). */
const BLOCKS_A_KEPT_OUTPUT = 2

/**
 * The program with every second block's output made again in the backward pass instead of kept for it: the rectified sum of a batch
 * norm and the block's input is one pass over activations that the backward pass holds anyway (a cheap case of Chen et al.,
 * "Training Deep Nets with Sublinear Memory Cost", 2016). It is the same arithmetic in the same order as the first time,
 * so the step's numbers are the same bit for bit.
 */
export function rematerialiseJoins(program: Program, blocksAKeptOutput = BLOCKS_A_KEPT_OUTPUT): Program {
  const chosen = chooseJoins(program, blocksAKeptOutput)
  const values = [...program.values]
  const remade = new Map<ValueId, ValueId>()
  const before = new Map<number, ProgramNode[]>()
  for (const { join, place } of chosen) {
    const [{ input }, made] = [operands(join), results(join)]
    const [y, residual] = [made.output('y'), input('residual')]
    const copy = values.push(typeOf(program, y)) - 1
    remade.set(y, copy)
    const { attributes, label } = join
    const vectors = [input('scale'), input('shift'), made.output('mean'), made.output('variance')]
    const inputs = [input('x'), ...vectors, remade.get(residual) ?? residual]
    const again: ProgramNode = {
      op: 'BatchNormInference',
      inputs,
      outputs: [copy],
      attributes,
      label,
      phase: 'backward',
    }
    before.set(place, [...(before.get(place) ?? []), again])
  }
  const nodes = program.nodes.flatMap((node, place): ProgramNode[] => {
    const inputs = node.phase === 'backward' ? node.inputs.map((id) => remade.get(id) ?? id) : node.inputs
    // Only its inputs change, so the node keeps its op and attributes.
    return [...(before.get(place) ?? []), { ...node, inputs } as ProgramNode]
  })
  return { ...program, values, nodes }
}

interface ChosenJoin {
  readonly join: NodeFor<'BatchNorm'>
  /** Index of the node before which its output is made again. */
  readonly place: number
}

/** In the order of the forward pass, so that an output is made again behind those that it is made from. */
function chooseJoins(program: Program, blocksAKeptOutput: number): ChosenJoin[] {
  const masks = findMasks(program, findUses(program))
  const last = lastReads(program, (node) => readsOf(node, masks))
  const uses = findBackwardUses(program)
  /** Outputs that are made again, and how many in a row up to each. */
  const rows = new Map<ValueId, number>()
  const places = new Map<ValueId, number>()
  const joins = program.nodes.filter(isJoin)
  for (const join of joins) {
    const [{ input }, made] = [operands(join), results(join)]
    const [x, residual] = [input('x'), input('residual')]
    const [y, mean, variance] = [made.output('y'), made.output('mean'), made.output('variance')]
    const place = uses.get(y)
    const behind = rows.get(residual) ?? 0
    if (place === undefined || behind + 1 >= blocksAKeptOutput || last.get(y) === program.nodes.length) continue
    const held = behind > 0 ? [x, mean, variance] : [x, mean, variance, residual]
    if (held.some((id) => (last.get(id) ?? 0) < place)) continue
    rows.set(y, behind + 1)
    places.set(y, place)
  }
  // A block that is made again asks for the one before it, as early.
  for (const join of [...joins].reverse()) {
    const residual = operands(join).input('residual')
    const own = places.get(results(join).output('y'))
    const source = places.get(residual)
    if (own !== undefined && source !== undefined) places.set(residual, Math.min(own, source))
  }
  return joins.flatMap((join) => {
    const place = places.get(results(join).output('y'))
    return place === undefined ? [] : [{ join, place }]
  })
}

function isJoin(node: ProgramNode): node is NodeFor<'BatchNorm'> {
  return node.op === 'BatchNorm' && node.attributes.activation !== null && node.attributes.residual
}

/**
 * Index of the first node of the backward pass that reads each value, or that makes the gradient of the batch norm that made
 * it: a convolution that makes dy may take the sums of the norm's gradient, and then looks at y itself (fuse.ts).
 */
function findBackwardUses(program: Program): Map<ValueId, number> {
  const makers = new Map(program.nodes.flatMap((node, place) => node.outputs.map((id) => [id, place] as const)))
  const first = new Map<ValueId, number>()
  const note = (id: ValueId, place: number) => first.set(id, Math.min(place, first.get(id) ?? place))
  program.nodes.forEach((node, place) => {
    if (node.phase !== 'backward') return
    for (const id of node.inputs) note(id, place)
    if (node.op !== 'BatchNormGrad') return
    const { input } = operands(node)
    const [dy, y] = [input('dy'), input('y')]
    const maker = makers.get(dy) ?? place
    const sum = program.nodes[maker]
    const terms = sum?.op === 'Add' ? sum.inputs.map((id) => makers.get(id) ?? place) : []
    note(y, Math.min(maker, ...terms))
  })
  return first
}
