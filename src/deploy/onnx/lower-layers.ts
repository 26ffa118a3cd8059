import type { ActivationFunction } from '../../engine/graph/ops.ts'
import type { LoweringsOf } from '../lowering/lower-nodes.ts'
import { float, int, ints, type OnnxGraph } from './onnx-graph.ts'

/** Layers with weights, and what is computed element by element. */
export const LAYER_LOWERINGS: LoweringsOf<
  'Conv2D' | 'Linear' | 'BatchNormInference' | 'Cast' | 'Add' | 'Activation',
  OnnxGraph
> = {
  Conv2D: ({ graph, value, weight, type, attributes, foldedBias }) => {
    const { stride, padding, groups } = attributes
    const operands = [value(0), graph.weight(weight(1)), ...(foldedBias === null ? [] : [graph.weight(foldedBias)])]
    return graph.node('Conv', operands, {
      kernel_shape: ints(...type(1).shape.slice(2)),
      strides: ints(stride, stride),
      pads: ints(padding, padding, padding, padding),
      group: int(groups),
    })
  },
  // x w^T + bias.
  Linear: ({ graph, value, weight, foldedBias }) =>
    graph.node('Gemm', [value(0), graph.weight(weight(1)), graph.weight(foldedBias ?? weight(2))], { transB: int(1) }),
  BatchNormInference: ({ graph, value, weight, attributes, folded }) => {
    const { epsilon, activation, residual } = attributes
    const y = folded
      ? value(0)
      : graph.node('BatchNormalization', [value(0), ...[1, 2, 3, 4].map((place) => graph.weight(weight(place)))], {
          epsilon: float(epsilon),
        })
    const sum = residual ? graph.node('Add', [y, value(5)]) : y
    return activation === null ? sum : activate(graph, sum, activation)
  },
  // Exports are f32.
  Cast: ({ value }) => value(0),
  Add: ({ graph, value }) => graph.node('Add', [value(0), value(1)]),
  Activation: ({ graph, value, attributes }) => activate(graph, value(0), attributes.function),
}

function activate(graph: OnnxGraph, x: string, activation: ActivationFunction): string {
  switch (activation) {
    case 'relu':
      return graph.node('Relu', [x])
    case 'relu6':
      return graph.node('Clip', [x, graph.numbers([0]), graph.numbers([6])])
    case 'silu':
      return graph.node('Mul', [x, graph.node('Sigmoid', [x])])
  }
}
