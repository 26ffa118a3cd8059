import type { ActivationFunction } from '../../engine/graph/ops/activation.ts'
import type { ConvAttributes } from '../../engine/graph/ops/convolution.ts'
import type { NamedTensor } from '../../train/checkpoint/safetensors.ts'
import type { LoweringsOf } from '../lowering/lower-nodes.ts'
import { FLOAT, type GraphDef, ints, word } from './graph-def.ts'
import { sliceChannels } from './slice-channels.ts'

type LayerOp = 'Conv2D' | 'Linear' | 'BatchNormInference' | 'Cast' | 'Add' | 'Activation'

/** Axis of the channels of [B, H, W, C]. */
const CHANNELS = 3

const VECTORS = ['scale', 'shift', 'mean', 'variance'] as const

/** Layers with weights, and what is computed element by element. Values of rank 4 are [B, H, W, C]. */
export const LAYER_LOWERINGS: LoweringsOf<LayerOp, GraphDef> = {
  Conv2D: ({ graph, value, weight, attributes, foldedBias }) => {
    const y = convolve(graph, value('x'), weight('filters'), attributes)
    return foldedBias === null ? y : graph.node('AddV2', [y, graph.weight(foldedBias)])
  },
  // x w^T + bias.
  Linear: ({ graph, value, weight, foldedBias }) => {
    const product = graph.node('MatMul', [value('x'), graph.weight(weight('weights'))], {
      transpose_a: { b: false },
      transpose_b: { b: true },
    })
    return graph.node('AddV2', [product, graph.weight(foldedBias ?? weight('bias'))])
  },
  BatchNormInference: ({ graph, value, weight, attributes, folded, type }) => {
    const { epsilon, activation, residual } = attributes
    const vectors = () => VECTORS.map(weight)
    const normalised = () =>
      type('x').shape.length === 4
        ? graph.node('FusedBatchNormV3', [value('x'), ...vectors().map((vector) => graph.weight(vector))], {
            ...{ U: FLOAT, epsilon: { f: epsilon }, data_format: word('NHWC'), is_training: { b: false } },
          })
        : normaliseRows(graph, value('x'), vectors(), epsilon)
    const y = folded ? value('x') : normalised()
    const sum = residual ? graph.node('AddV2', [y, value('residual')]) : y
    return activation === null ? sum : activate(graph, sum, activation)
  },
  // Exports are f32.
  Cast: ({ value }) => value('x'),
  Add: ({ graph, value }) => graph.node('AddV2', [value('left'), value('right')]),
  Activation: ({ graph, value, attributes }) => activate(graph, value('x'), attributes.function),
}

/** TensorFlow.js has convolutions of one group, and of as many groups as channels; others are of several parts. */
function convolve(
  graph: GraphDef,
  x: string,
  weight: NamedTensor,
  { stride, padding, groups }: ConvAttributes,
): string {
  const [out = 0, perGroup = 0] = weight.shape
  const attributes = {
    strides: ints(1, stride, stride, 1),
    dilations: ints(1, 1, 1, 1),
    data_format: word('NHWC'),
    padding: word('EXPLICIT'),
    explicit_paddings: ints(0, 0, padding, padding, padding, padding, 0, 0),
  }
  if (groups === 1) return graph.node('Conv2D', [x, graph.weight(channelsLast(weight, [2, 3, 1, 0]))], attributes)
  if (perGroup === 1 && out === groups) {
    return graph.node('DepthwiseConv2dNative', [x, graph.weight(channelsLast(weight, [2, 3, 0, 1]))], attributes)
  }
  const outPerGroup = out / groups
  const parts = Array.from({ length: groups }, (_, group) => {
    const part = sliceChannels(graph, x, group * perGroup, perGroup)
    return graph.node('Conv2D', [part, graph.weight(ofGroup(weight, group, outPerGroup))], attributes)
  })
  return graph.node('ConcatV2', [...parts, graph.places([CHANNELS], [])], { N: { i: String(groups) } })
}

/** The outputs of one group, [k, k, I / groups, O / groups]. */
function ofGroup(weight: NamedTensor, group: number, outputs: number): NamedTensor {
  const [, ...rest] = weight.shape
  const size = weight.data.length / (weight.shape[0] ?? 1)
  const data = weight.data.subarray(group * outputs * size, (group + 1) * outputs * size)
  return channelsLast({ name: `${weight.name}.${group}`, shape: [outputs, ...rest], data }, [2, 3, 1, 0])
}

/** A filter [O, I, k, k] with its axes in another order. */
function channelsLast({ name, shape, data }: NamedTensor, order: readonly number[]): NamedTensor {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1))
  const sizes = order.map((axis) => shape[axis] ?? 1)
  const steps = order.map((axis) => strides[axis] ?? 0)
  const moved = new Float32Array(data.length)
  const place = [0, 0, 0, 0]
  for (let at = 0; at < moved.length; at++) {
    moved[at] = data[place.reduce((from, index, axis) => from + index * (steps[axis] ?? 0), 0)] ?? 0
    for (let axis = 3; axis >= 0; axis--) {
      place[axis] = (place[axis] ?? 0) + 1
      if ((place[axis] ?? 0) < (sizes[axis] ?? 0)) break
      place[axis] = 0
    }
  }
  return { name, shape: sizes, data: moved }
}

/** Batch norm of rows [B, C], which TensorFlow's operation does not take: x k + (shift - mean k). */
function normaliseRows(graph: GraphDef, x: string, vectors: readonly NamedTensor[], epsilon: number): string {
  const [scale, shift, mean, variance] = vectors.map(({ data }) => data)
  const factors = Array.from(scale ?? [], (value, channel) => value / Math.sqrt((variance?.[channel] ?? 0) + epsilon))
  const shifts = factors.map((factor, channel) => (shift?.[channel] ?? 0) - (mean?.[channel] ?? 0) * factor)
  const scaled = graph.node('Mul', [x, graph.numbers(factors, [factors.length])])
  return graph.node('AddV2', [scaled, graph.numbers(shifts, [shifts.length])])
}

function activate(graph: GraphDef, x: string, activation: ActivationFunction): string {
  switch (activation) {
    case 'relu':
      return graph.node('Relu', [x])
    case 'relu6':
      return graph.node('Relu6', [x])
    case 'silu':
      return graph.node('Mul', [x, graph.node('Sigmoid', [x])])
    case 'gelu': {
      const erf = graph.node('Erf', [graph.node('Mul', [x, graph.numbers([Math.SQRT1_2])])])
      const share = graph.node('Mul', [graph.node('AddV2', [erf, graph.numbers([1])]), graph.numbers([0.5])])
      return graph.node('Mul', [x, share])
    }
  }
}
