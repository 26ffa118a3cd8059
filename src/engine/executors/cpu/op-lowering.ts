import type { NamedValues, NameOf } from '../../graph/ops/operand-names.ts'
import type { OpAttributes, OpInputs, OpName, OpOutputs } from '../../graph/ops.ts'
import { type NodeFor, operands, results, type ValueId } from '../../graph/program.ts'
import type { Lowering } from './lowering.ts'

/** One node while its instructions are written. */
export interface LoweredCall<N extends OpName> extends NamedValues<OpInputs<N>, ValueId> {
  readonly lowering: Lowering
  readonly node: NodeFor<N>
  readonly attributes: OpAttributes[N]
  /** A result of the node. */
  readonly output: NamedValues<OpOutputs<N>, ValueId>['input']
}

/** What this executor knows of an op. */
export interface OpLowering<N extends OpName> {
  /** Operands that lie in the arena, a row an image; the others are weights, vectors, scalars or inputs of the program. */
  readonly rows: readonly NameOf<OpInputs<N>>[]
  /** Operands over which a result may be written, best first: its kernel reads each element before it writes it. */
  readonly overwrites?: { readonly [Name in NameOf<OpOutputs<N>>]?: readonly NameOf<OpInputs<N>>[] }
  /** Appends the instructions. */
  lower(call: LoweredCall<N>): void
}

/** Lowerings of some operations. */
export type LoweringsOf<N extends OpName> = { readonly [Op in N]: OpLowering<Op> }

/** Appends the instructions of one node. */
export function lowerWith<N extends OpName>(rule: OpLowering<N>, lowering: Lowering, node: NodeFor<N>): void {
  rule.lower({
    ...operands(node),
    lowering,
    node,
    attributes: node.attributes,
    ...results(node),
  })
}

/** For instructions whose words are the tensors that the op reads, then those that it makes, in the order of their names. */
export function emitTensors<N extends OpName>(instruction: string) {
  return ({ lowering, node }: LoweredCall<N>): void =>
    lowering.emit(instruction, lowering.tensorList([...node.inputs, ...node.outputs]), node)
}

/** No tensor for an operand that is left out. */
export const NONE = -1
