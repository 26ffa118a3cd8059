import { nameInputs, OPS, type OpName } from './ops.ts'
import { type NodeFor, type Program, type ProgramNode, typeOf } from './program.ts'

/** FLOPs of one node as the paper counts them: 2 x multiply-adds of convolutions and linear layers. */
export function nodeFlops(program: Program, node: ProgramNode): number {
  return 2 * multiplyAdds(program, node)
}

function multiplyAdds<N extends OpName>(program: Program, node: NodeFor<N>): number {
  const types = (ids: readonly number[]) => ids.map((id) => typeOf(program, id))
  const call = { ...nameInputs(node, types(node.inputs)), attributes: node.attributes }
  return OPS[node.op].multiplyAdds?.(call, types(node.outputs)) ?? 0
}

/** FLOPs of one image's forward pass (ONE, section 4: "FLOPs" of a network are 2 x multiply-adds). */
export function forwardFlopsPerImage(program: Program): number {
  const forward = program.nodes.filter((node) => node.phase === 'forward')
  return forward.reduce((sum, node) => sum + nodeFlops(program, node), 0) / program.batch
}
