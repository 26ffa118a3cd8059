/** The walk over an inference program that every format has in common; what a node becomes is the format's own table. */
import type { TensorType } from '../../engine/graph/ops/op-definition.ts'
import type { NamedValues } from '../../engine/graph/ops/operand-names.ts'
import type { OpAttributes, OpInputs, OpName } from '../../engine/graph/ops.ts'
import {
  type NodeFor,
  operands,
  type Program,
  type ProgramNode,
  typeOf,
  type ValueId,
} from '../../engine/graph/program.ts'
import type { NamedTensor } from '../../train/checkpoint/safetensors.ts'
import { expected } from '../../vocabulary/fault.ts'
import type { FoldedNorms } from './fold-batch-norm.ts'

/** One node while it is written into a graph, where values are known by their names. */
export interface LoweredCall<N extends OpName, Graph> {
  readonly graph: Graph
  readonly attributes: OpAttributes[N]
  /** Name of a computed operand. @throws Error where it is a weight, or not there */
  readonly value: NamedValues<OpInputs<N>, string>['input']
  /** Names of a list of computed operands. */
  readonly list: NamedValues<OpInputs<N>, string>['list']
  /** An operand that is a weight or statistic; of a layer into which a batch norm was folded, the folded one. */
  readonly weight: NamedValues<OpInputs<N>, NamedTensor>['input']
  /** Of a layer into which a batch norm was folded: the bias that it has then, in place of its own. */
  readonly foldedBias: NamedTensor | null
  /** Of a batch norm: whether it was folded, so that its input is normalised already. */
  readonly folded: boolean
  /** Logical type of an operand. */
  readonly type: NamedValues<OpInputs<N>, TensorType>['input']
}

/** Writes a node and returns the name of its result. */
export type OpLowering<N extends OpName, Graph> = (call: LoweredCall<N, Graph>) => string

/** Lowerings of some operations. */
export type LoweringsOf<N extends OpName, Graph> = { readonly [Op in N]: OpLowering<Op, Graph> }

export interface Deployment {
  /** Of all states of the program, by name. */
  readonly tensors: ReadonlyMap<string, NamedTensor>
  readonly folded: FoldedNorms
}

/** A format: its graph, and what each operation becomes in it. */
export interface Format<Graph> {
  readonly name: string
  readonly graph: Graph
  readonly lowerings: Partial<LoweringsOf<OpName, Graph>>
  /** Nodes belong to this layer from now on. */
  enter(label: string): void
}

/**
 * Writes all nodes.
 * @param images name of the pixels
 * @returns the name of the program's only output
 * @throws UserFault for an operation that the format has no lowering of: those of training are in no inference program
 */
export function lowerNodes<Graph>(
  program: Program,
  { tensors, folded }: Deployment,
  format: Format<Graph>,
  images: string,
): string {
  const names = new Map<ValueId, string>()
  if (program.images !== null) names.set(program.images, images)
  const states = new Map(program.states.map(({ name, value }) => [value, name]))
  const nameOf = (id: ValueId): string => {
    const name = names.get(id)
    if (name === undefined) throw new Error(`Expected a value that was computed but received %${id}`)
    return name
  }
  const lower = <N extends OpName>(node: NodeFor<N> & ProgramNode, lowering: OpLowering<N, Graph>): string => {
    const layer = folded.layers.get(node)
    const { input, list } = operands<N>(node)
    const tensorOf = (id: ValueId): NamedTensor => {
      if (layer !== undefined && id === node.inputs[1]) return layer.weight
      const tensor = tensors.get(states.get(id) ?? '')
      if (tensor === undefined) throw new Error(`Expected a weight of layer ${node.label} but received %${id}`)
      return tensor
    }
    return lowering({
      graph: format.graph,
      attributes: node.attributes,
      value: (name) => nameOf(input(name)),
      list: (name) => list(name).map(nameOf),
      weight: (name) => tensorOf(input(name)),
      foldedBias: layer?.bias ?? null,
      folded: folded.norms.has(node),
      type: (name) => typeOf(program, input(name)),
    })
  }
  for (const node of program.nodes) {
    const [result = -1] = node.outputs
    const lowering = format.lowerings[node.op]
    if (lowering === undefined) {
      const remedy = 'Export it to safetensors, which holds the weights of any network.'
      throw expected(
        `operations that ${format.name} is written with`,
        `layer ${node.label || '(top)'}`,
        node.op,
        remedy,
      )
    }
    format.enter(node.label)
    // The table gives each op its own lowering, which a union of nodes cannot tell the compiler.
    names.set(result, lower(node as NodeFor<OpName> & ProgramNode, lowering as OpLowering<OpName, Graph>))
  }
  const [output] = program.outputs
  if (output === undefined) throw new Error('Expected logits of the program but received none')
  return nameOf(output.value)
}
