import type { OpName } from '../../graph/ops.ts'
import type { Program, ProgramNode, ValueId } from '../../graph/program.ts'
import { typeOf } from '../../graph/program.ts'
import { findHomes, type Home } from './storage.ts'

const none: readonly number[] = []
const every = null

/** Inputs of each op that lie in the arena, a row an image; `every` = all of them. */
const ROW_OPERANDS = {
  Constant: none,
  Normalise: none,
  Cast: none,
  Conv2D: [0],
  Conv2DBackpropInput: [0],
  Conv2DBackpropFilter: [0, 1],
  BatchNorm: [0, 3],
  BatchNormGrad: [0, 1, 2],
  BatchNormInference: [0, 5],
  Add: every,
  Activation: every,
  ActivationGrad: every,
  Multiply: none,
  Scale: none,
  MaxPool: [0],
  MaxPoolGrad: every,
  AveragePool: [0],
  AveragePoolGrad: [0],
  Concat: every,
  SliceChannels: [0],
  GlobalAveragePool: [0],
  GlobalAveragePoolGrad: [0],
  Linear: [0],
  LinearBackpropInput: [0],
  LinearBackpropWeights: [0, 1],
  Softmax: every,
  SoftmaxGrad: every,
  GatedSum: every,
  GatedSumGrad: every,
  Average: every,
  AverageGrad: every,
  LogMeanProbability: every,
  CrossEntropy: [0],
  CrossEntropyGrad: [1],
  KullbackLeibler: every,
  KullbackLeiblerGrad: [1, 2],
  TopKCorrect: [0],
  AllReduceMean: none,
  SgdNesterov: none,
  OptimizerUpdate: none,
  RunningAverage: none,
} as const satisfies Record<OpName, readonly number[] | null>

export interface ImportedStates {
  /** The program with a Cast node before each use of a state as rows. */
  readonly program: Program
  /** Values of those nodes, with the state they bring in. */
  readonly imports: ReadonlyMap<ValueId, Extract<Home, { kind: 'state' }>>
}

/**
 * Steps read state as weights and vectors only. A program that feeds state tensors to ops as if they were activations (to
 * try an op on given numbers) gets them copied into the arena first.
 */
export function importStates(program: Program): ImportedStates {
  const homes = findHomes(program)
  const values = [...program.values]
  const nodes: ProgramNode[] = []
  const imports = new Map<ValueId, Extract<Home, { kind: 'state' }>>()
  const imported = new Map<ValueId, ValueId>()

  const bringIn = (id: ValueId, label: string): ValueId => {
    const home = homes.get(id)
    const { shape } = typeOf(program, id)
    if (home?.kind !== 'state' || shape.length < 2) return id
    const known = imported.get(id)
    if (known !== undefined) return known
    const copy = values.push({ shape, dtype: home.dtype }) - 1
    const attributes = { dtype: home.dtype }
    nodes.push({ op: 'Cast', inputs: [id], outputs: [copy], attributes, label, phase: 'forward' })
    imports.set(copy, home)
    imported.set(id, copy)
    return copy
  }

  for (const node of program.nodes) {
    const rows: readonly number[] | null = ROW_OPERANDS[node.op]
    const inputs = node.inputs.map((id, place) =>
      rows === null || rows.includes(place) ? bringIn(id, node.label) : id,
    )
    nodes.push({ ...node, inputs })
  }
  const outputs = program.outputs.map(({ name, value }) => {
    const home = homes.get(value)
    return { name, value: home?.kind === 'state' && home.dtype === 'bf16' ? bringIn(value, name) : value }
  })
  return { program: { ...program, values, nodes, outputs }, imports }
}
