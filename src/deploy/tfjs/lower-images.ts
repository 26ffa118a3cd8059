import type { PoolAttributes } from '../../engine/graph/ops/pooling.ts'
import type { LoweringsOf } from '../lowering/lower-nodes.ts'
import { type GraphDef, ints, word } from './graph-def.ts'
import { sliceChannels } from './slice-channels.ts'

type ImageOp = 'Normalise' | 'MaxPool' | 'AveragePool' | 'Concat' | 'SliceChannels' | 'GlobalAveragePool'

const CHANNELS = 3
/** Loses to every pixel; a WebGL texture of 16 bits holds it as minus infinity. */
const LOWEST = -3e38

/** Operations on images [B, H, W, C] that have no weights. */
export const IMAGE_LOWERINGS: LoweringsOf<ImageOp, GraphDef> = {
  // Pixels f32 of 0..255.
  Normalise: ({ graph, value, attributes: { mean, std } }) => {
    const scaled = graph.node('RealDiv', [value('pixels'), graph.numbers([255])])
    const centred = graph.node('Sub', [scaled, graph.numbers(mean, [mean.length])])
    return graph.node('RealDiv', [centred, graph.numbers(std, [std.length])])
  },
  MaxPool: ({ graph, value, attributes }) =>
    pool(graph, 'MaxPool', padded(graph, value('x'), attributes, LOWEST), attributes),
  // Zeros of the padding count.
  AveragePool: ({ graph, value, attributes }) =>
    pool(graph, 'AvgPool', padded(graph, value('x'), attributes, 0), attributes),
  Concat: ({ graph, list }) => {
    const parts = list('parts')
    return graph.node('ConcatV2', [...parts, graph.places([CHANNELS], [])], { N: { i: String(parts.length) } })
  },
  SliceChannels: ({ graph, value, attributes: { start, channels } }) =>
    sliceChannels(graph, value('whole'), start, channels),
  GlobalAveragePool: ({ graph, value }) =>
    graph.node('Mean', [value('x'), graph.places([1, 2])], { keep_dims: { b: false } }),
}

/** TensorFlow's pooling has no padding of its own choice. */
function padded(graph: GraphDef, x: string, { padding }: PoolAttributes, filling: number): string {
  if (padding === 0) return x
  const around = graph.places([0, 0, padding, padding, padding, padding, 0, 0], [4, 2])
  return graph.node('PadV2', [x, around, graph.numbers([filling])])
}

function pool(graph: GraphDef, op: 'MaxPool' | 'AvgPool', x: string, { kernel, stride }: PoolAttributes): string {
  return graph.node(op, [x], {
    ksize: ints(1, kernel, kernel, 1),
    strides: ints(1, stride, stride, 1),
    padding: word('VALID'),
    data_format: word('NHWC'),
  })
}
