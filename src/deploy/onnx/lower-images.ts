import type { PoolAttributes } from '../../engine/graph/ops/pooling.ts'
import type { LoweringsOf } from '../lowering/lower-nodes.ts'
import { int, ints, type OnnxGraph } from './onnx-graph.ts'

type ImageOp = 'Normalise' | 'MaxPool' | 'AveragePool' | 'Concat' | 'SliceChannels' | 'GlobalAveragePool'

/** Axis of the channels of [B, C, H, W]. */
const CHANNELS = 1

/** Operations on images that have no weights. */
export const IMAGE_LOWERINGS: LoweringsOf<ImageOp, OnnxGraph> = {
  // Pixels u8 [B, H, W, C].
  Normalise: ({ graph, value, attributes }) => {
    const { mean, std } = attributes
    const numbers = graph.node('Cast', [value('pixels')], { to: int(1) })
    const planes = graph.node('Transpose', [numbers], { perm: ints(0, 3, 1, 2) })
    const scaled = graph.node('Div', [planes, graph.numbers([255])])
    const perChannel = [mean.length, 1, 1]
    const centred = graph.node('Sub', [scaled, graph.numbers(mean, perChannel)])
    return graph.node('Div', [centred, graph.numbers(std, perChannel)])
  },
  MaxPool: ({ graph, value, attributes }) => graph.node('MaxPool', [value('x')], windows(attributes)),
  AveragePool: ({ graph, value, attributes }) =>
    graph.node('AveragePool', [value('x')], { ...windows(attributes), count_include_pad: int(1) }),
  Concat: ({ graph, list }) => graph.node('Concat', list('parts'), { axis: int(CHANNELS) }),
  SliceChannels: ({ graph, value, attributes: { start, channels } }) =>
    graph.node('Slice', [value('whole'), graph.places(start), graph.places(start + channels), graph.places(CHANNELS)]),
  GlobalAveragePool: ({ graph, value }) =>
    graph.node('Flatten', [graph.node('GlobalAveragePool', [value('x')])], { axis: int(1) }),
}

function windows({ kernel, stride, padding }: PoolAttributes) {
  return {
    kernel_shape: ints(kernel, kernel),
    strides: ints(stride, stride),
    pads: ints(padding, padding, padding, padding),
  }
}
