import type { TensorType } from './ops/op-definition.ts'
import type { NamedValues } from './ops/operand-names.ts'
import { nameInputs, nameOutputs, type OpAttributes, type OpInputs, type OpName, type OpOutputs } from './ops.ts'

/** Index into `Program.values`. */
export type ValueId = number

/** Which part of a step a node belongs to. */
export type Phase = 'forward' | 'backward' | 'update'

interface NodeOf<N extends OpName> {
  readonly op: N
  readonly attributes: OpAttributes[N]
  readonly inputs: readonly ValueId[]
  readonly outputs: readonly ValueId[]
  /** Layer path, PyTorch's module name where there is one: `layer1.0.conv1`. */
  readonly label: string
  readonly phase: Phase
}

/** One operation of a program; `op` tells the attributes' type. */
export type ProgramNode = { readonly [N in OpName]: NodeOf<N> }[OpName]

/** The node of one op. */
export type NodeFor<N extends OpName> = NodeOf<N>

/** What a node reads, by name: `operands(node).input('filters')`. */
export function operands<N extends OpName>(node: NodeFor<N>): NamedValues<OpInputs<N>, ValueId> {
  return nameInputs(node, node.inputs)
}

/** What a node makes, by name: `results(node).output('y')`. */
export function results<N extends OpName>(
  node: NodeFor<N>,
): { readonly output: NamedValues<OpOutputs<N>, ValueId>['input'] } {
  return { output: nameOutputs(node, node.outputs).input }
}

export interface NamedValue {
  readonly name: string
  readonly value: ValueId
}

/**
 * A captured step: plain data that can be printed, checked, sent to a worker thread and compiled by any executor. Values
 * without a producing node are the inputs: pixels, labels, scalars and state.
 */
export interface Program {
  readonly name: string
  /** Images that one replica takes in one run. */
  readonly batch: number
  readonly values: readonly TensorType[]
  /** In execution order. */
  readonly nodes: readonly ProgramNode[]
  /** u8 [batch, height, width, channels]; null where the program reads no pixels. */
  readonly images: ValueId | null
  /** i32 [batch], or [2, batch] where images are mixed; null where it reads no labels. */
  readonly labels: ValueId | null
  /** f32 scalars given to each run, in the order of `RunInputs.scalars`. */
  readonly scalars: readonly NamedValue[]
  /** State tensors (f32) read at the start of a run. */
  readonly states: readonly NamedValue[]
  /** State tensors and their values after the run. */
  readonly updates: readonly NamedValue[]
  /** Values handed back as f32 in logical order, one after the other. */
  readonly outputs: readonly NamedValue[]
}

/** Type of a value. @throws Error where the program has no such value */
export function typeOf(program: Pick<Program, 'values'>, value: ValueId): TensorType {
  const type = program.values[value]
  if (type === undefined) throw new Error(`Expected a value of the program but received id ${value}`)
  return type
}
