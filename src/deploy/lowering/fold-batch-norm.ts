/** Batch norm folded into the convolution or linear layer before it: in inference both are one affine map. */
import type { NodeFor, Program, ProgramNode, ValueId } from '../../engine/graph/program.ts'
import type { NamedTensor } from '../../train/checkpoint/safetensors.ts'
import { elementCount } from '../../vocabulary/shape.ts'

/** What a convolution or linear layer computes in place of itself and the batch norm behind it. */
export interface FoldedLayer {
  readonly weight: NamedTensor
  readonly bias: NamedTensor
}

export interface FoldedNorms {
  /** By the node of the layer. */
  readonly layers: ReadonlyMap<ProgramNode, FoldedLayer>
  /** Batch norms of which only the residual and the activation are left. */
  readonly norms: ReadonlySet<ProgramNode>
}

export const NOTHING_FOLDED: FoldedNorms = { layers: new Map(), norms: new Set() }

type Norm = NodeFor<'BatchNormInference'>
type Layer = NodeFor<'Conv2D'> | NodeFor<'Linear'>

/**
 * Folds every batch norm whose input only it reads and is a layer's result: w' = k w, b' = k (b - mean) + shift with
 * k = scale / sqrt(variance + epsilon), per output channel, in double precision. Others stay: DenseNet's, say, lie before their
 * convolution.
 * @param tensors of all states, by name
 */
export function foldBatchNorm(program: Program, tensors: ReadonlyMap<string, NamedTensor>): FoldedNorms {
  const states = new Map(program.states.map(({ name, value }) => [value, name]))
  const read = (id: ValueId | undefined): NamedTensor => {
    const name = id === undefined ? undefined : states.get(id)
    const tensor = name === undefined ? undefined : tensors.get(name)
    if (tensor === undefined) throw new Error(`Expected a weight or statistic but received %${id}`)
    return tensor
  }
  const uses = countUses(program)
  const producers = new Map(program.nodes.flatMap((node) => node.outputs.map((id) => [id, node] as const)))
  const layers = new Map<ProgramNode, FoldedLayer>()
  const norms = new Set<ProgramNode>()
  for (const node of program.nodes) {
    if (node.op !== 'BatchNormInference') continue
    const [x = -1] = node.inputs
    const layer = producers.get(x)
    if (layer === undefined || (layer.op !== 'Conv2D' && layer.op !== 'Linear') || uses.get(x) !== 1) continue
    if (uses.get(layer.inputs[1] ?? -1) !== 1) continue
    layers.set(layer, fold(layer, node, read))
    norms.add(node)
  }
  return { layers, norms }
}

function fold(layer: Layer, norm: Norm, read: (id: ValueId | undefined) => NamedTensor): FoldedLayer {
  const weight = read(layer.inputs[1])
  const bias = layer.op === 'Linear' ? read(layer.inputs[2]) : null
  const [scale, shift, mean, variance] = norm.inputs.slice(1, 5).map((id) => read(id).data)
  const channels = weight.shape[0] ?? 0
  const perChannel = elementCount(weight.shape) / channels
  const factor = (channel: number) =>
    (scale?.[channel] ?? 0) / Math.sqrt((variance?.[channel] ?? 0) + norm.attributes.epsilon)
  const folded = Float32Array.from(weight.data, (value, at) => value * factor(Math.floor(at / perChannel)))
  const shifts = Float32Array.from({ length: channels }, (_, channel) => {
    const centred = (bias?.data[channel] ?? 0) - (mean?.[channel] ?? 0)
    return factor(channel) * centred + (shift?.[channel] ?? 0)
  })
  const name = bias?.name ?? weight.name.replace(/weight$/, 'bias')
  return { weight: { ...weight, data: folded }, bias: { name, shape: [channels], data: shifts } }
}

function countUses({ nodes, outputs }: Program): Map<ValueId, number> {
  const uses = new Map<ValueId, number>()
  for (const id of [...nodes.flatMap(({ inputs }) => inputs), ...outputs.map(({ value }) => value)]) {
    uses.set(id, (uses.get(id) ?? 0) + 1)
  }
  return uses
}
