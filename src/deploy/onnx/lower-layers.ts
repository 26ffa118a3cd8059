import type { ActivationFunction } from '../../engine/graph/ops/activation.ts'
import type { LoweringsOf } from '../lowering/lower-nodes.ts'
import { float, int, ints, type OnnxGraph } from './onnx-graph.ts'

const VECTORS = ['scale', 'shift', 'mean', 'variance'] as const

/** Layers with weights, and what is computed element by element. */
export const LAYER_LOWERINGS: LoweringsOf<
  'Conv2D' | 'Linear' | 'BatchNormInference' | 'Cast' | 'Add' | 'Activation',
  OnnxGraph
> = {
  Conv2D: ({ graph, value, weight, type, attributes, foldedBias }) => {
    const { stride, padding, groups } = attributes
    const operands = [
      value('x'),
      graph.weight(weight('filters')),
      ...(foldedBias === null ? [] : [graph.weight(foldedBias)]),
    ]
    return graph.node('Conv', operands, {
      kernel_shape: ints(...type('filters').shape.slice(2)),
      strides: ints(stride, stride),
      pads: ints(padding, padding, padding, padding),
      group: int(groups),
    })
  },
  // x w^T + bias.
  Linear: ({ graph, value, weight, foldedBias }) =>
    graph.node('Gemm', [value('x'), graph.weight(weight('weights')), graph.weight(foldedBias ?? weight('bias'))], {
      transB: int(1),
    }),
  BatchNormInference: ({ graph, value, weight, attributes, folded }) => {
    const { epsilon, activation, residual } = attributes
    const y = folded
      ? value('x')
      : graph.node('BatchNormalization', [value('x'), ...VECTORS.map((name) => graph.weight(weight(name)))], {
          epsilon: float(epsilon),
        })
    const sum = residual ? graph.node('Add', [y, value('residual')]) : y
    return activation === null ? sum : activate(graph, sum, activation)
  },
  // Exports are f32.
  Cast: ({ value }) => value('x'),
  Add: ({ graph, value }) => graph.node('Add', [value('left'), value('right')]),
  Activation: ({ graph, value, attributes }) => activate(graph, value('x'), attributes.function),
}

function activate(graph: OnnxGraph, x: string, activation: ActivationFunction): string {
  switch (activation) {
    case 'relu':
      return graph.node('Relu', [x])
    case 'relu6':
      return graph.node('Clip', [x, graph.numbers([0]), graph.numbers([6])])
    case 'silu':
      return graph.node('Mul', [x, graph.node('Sigmoid', [x])])
    case 'gelu': {
      // The operator Gelu is opset 20's: x (1 + erf(x / sqrt(2))) / 2.
      const erf = graph.node('Erf', [graph.node('Mul', [x, graph.numbers([Math.SQRT1_2])])])
      const share = graph.node('Mul', [graph.node('Add', [erf, graph.numbers([1])]), graph.numbers([0.5])])
      return graph.node('Mul', [x, share])
    }
  }
}
