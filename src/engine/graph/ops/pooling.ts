import { type Shape, sameShape } from '../../../vocabulary/shape.ts'
import type { NoAttributes, OpFamily, TensorType } from './op-definition.ts'
import { convOutputSize, f32, need, rank, sameTypes } from './shapes.ts'

/** Square windows of a pooling; stride and padding are equal in both directions, sizes are rounded down as in PyTorch. */
export interface PoolAttributes {
  readonly kernel: number
  readonly stride: number
  /** At most half the kernel, so that each window holds a pixel. */
  readonly padding: number
}

export interface PoolingOps {
  /** [B, C, H, W] -> largest element of each window [B, C, H', W']; padding never wins. */
  MaxPool: { attributes: PoolAttributes; inputs: ['x']; outputs: ['y'] }
  /** Each dy goes to the first of its window's largest elements, row by row. */
  MaxPoolGrad: { attributes: PoolAttributes; inputs: ['dy', 'x']; outputs: ['dx'] }
  /** [B, C, H, W] -> mean of each window [B, C, H', W']; padding counts as zeros. */
  AveragePool: { attributes: PoolAttributes; inputs: ['x']; outputs: ['y'] }
  AveragePoolGrad: { attributes: PoolAttributes & { readonly inputShape: Shape }; inputs: ['dy']; outputs: ['dx'] }
  /** [B, C, H, W] -> f32 [B, C]. */
  GlobalAveragePool: { attributes: NoAttributes; inputs: ['x']; outputs: ['y'] }
  /** dy f32 [B, C] -> [B, C, H, W]. */
  GlobalAveragePoolGrad: {
    attributes: { readonly inputShape: Shape; readonly dtype: 'f32' | 'bf16' }
    inputs: ['dy']
    outputs: ['dx']
  }
}

export const POOLING: OpFamily<PoolingOps> = {
  MaxPool: {
    inputs: ['x'],
    outputs: ['y'],
    shape: ({ input, attributes }) => [pooled(input('x'), attributes)],
    gradient: ({ graph, input, dy, attributes, label }) => ({
      x: graph.applyOne('MaxPoolGrad', [dy, input('x')], attributes, label),
    }),
  },
  MaxPoolGrad: {
    inputs: ['dy', 'x'],
    outputs: ['dx'],
    shape: ({ input, attributes }) => {
      sameTypes([input('dy'), pooled(input('x'), attributes)])
      return [input('x')]
    },
    gradient: null,
  },
  AveragePool: {
    inputs: ['x'],
    outputs: ['y'],
    shape: ({ input, attributes }) => [pooled(input('x'), attributes)],
    gradient: ({ graph, input, dy, attributes, label }) => {
      const backward = { ...attributes, inputShape: input('x').shape }
      return { x: graph.applyOne('AveragePoolGrad', [dy], backward, label) }
    },
  },
  AveragePoolGrad: {
    inputs: ['dy'],
    outputs: ['dx'],
    shape: ({ input, attributes }) => {
      const x = { shape: attributes.inputShape, dtype: input('dy').dtype }
      need(sameShape(pooled(x, attributes).shape, input('dy').shape), 'dy of the result')
      return [x]
    },
    gradient: null,
  },
  GlobalAveragePool: {
    inputs: ['x'],
    outputs: ['y'],
    shape: ({ input }) => [f32(rank(input('x'), 4, 'x').slice(0, 2))],
    gradient: ({ graph, input, dy, label }) => {
      const { shape, dtype } = input('x')
      if (dtype !== 'f32' && dtype !== 'bf16') throw new Error(`Expected f32 or bf16 for a pool but received ${dtype}`)
      return { x: graph.applyOne('GlobalAveragePoolGrad', [dy], { inputShape: shape, dtype }, label) }
    },
  },
  GlobalAveragePoolGrad: {
    inputs: ['dy'],
    outputs: ['dx'],
    shape: ({ input, attributes: { inputShape, dtype } }) => {
      need(sameShape(input('dy').shape, inputShape.slice(0, 2)), 'dy of the pooled shape')
      return [{ shape: inputShape, dtype }]
    },
    gradient: null,
  },
}

function pooled(x: TensorType, attributes: PoolAttributes): TensorType {
  const [batch = 0, channels = 0, ...image] = rank(x, 4, 'x')
  const { kernel, stride, padding } = attributes
  need(kernel >= 1 && stride >= 1, 'a kernel and a stride of at least 1')
  need(2 * padding <= kernel, 'a padding of at most half the kernel')
  const size = image.map((pixels) => convOutputSize(pixels, kernel, attributes))
  need(
    size.every((pixels) => pixels > 0),
    'an image at least as large as the window',
  )
  return { shape: [batch, channels, ...size], dtype: x.dtype }
}
