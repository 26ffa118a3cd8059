import { elementCount, type Shape, sameShape } from '../../../vocabulary/shape.ts'
import type { OpFamily, TensorType } from './op-definition.ts'
import { convOutputSize, f32, need, rank } from './shapes.ts'

/** Geometry of a 2-D convolution; stride and zero padding are equal in both directions. */
export interface ConvAttributes {
  readonly stride: number
  readonly padding: number
  readonly groups: number
}

export interface ConvolutionOps {
  /** x [B, C, H, W], filters [O, C / groups, k, k] -> [B, O, H', W']. */
  Conv2D: { attributes: ConvAttributes; inputs: ['x', 'filters']; outputs: ['y'] }
  Conv2DBackpropInput: {
    attributes: ConvAttributes & { readonly inputShape: Shape }
    inputs: ['dy', 'filters']
    outputs: ['dx']
  }
  /** -> dfilters in f32. */
  Conv2DBackpropFilter: {
    attributes: ConvAttributes & { readonly filterShape: Shape }
    inputs: ['x', 'dy']
    outputs: ['dfilters']
  }
}

export const CONVOLUTION: OpFamily<ConvolutionOps> = {
  Conv2D: {
    inputs: ['x', 'filters'],
    outputs: ['y'],
    shape: ({ input, attributes }) => [convolved(input('x'), input('filters'), attributes)],
    gradient: ({ graph, input, dy, attributes, label, wants }) => {
      const [x, filters] = [input('x'), input('filters')]
      const dfilters = wants('filters')
        ? graph.applyOne('Conv2DBackpropFilter', [x, dy], { ...attributes, filterShape: filters.shape }, label)
        : null
      const dx = wants('x')
        ? graph.applyOne('Conv2DBackpropInput', [dy, filters], { ...attributes, inputShape: x.shape }, label)
        : null
      return { x: dx, filters: dfilters }
    },
    multiplyAdds: ({ input }, [y]) => multiplyAdds(y, input('filters')),
  },
  Conv2DBackpropInput: {
    inputs: ['dy', 'filters'],
    outputs: ['dx'],
    shape: ({ input, attributes }) => {
      const x = { shape: attributes.inputShape, dtype: input('dy').dtype }
      const y = convolved(x, input('filters'), attributes)
      need(sameShape(y.shape, input('dy').shape), 'dy of the result')
      return [x]
    },
    gradient: null,
    multiplyAdds: ({ input }) => multiplyAdds(input('dy'), input('filters')),
  },
  Conv2DBackpropFilter: {
    inputs: ['x', 'dy'],
    outputs: ['dfilters'],
    shape: ({ input, attributes }) => {
      const filters = { shape: attributes.filterShape, dtype: input('x').dtype }
      const y = convolved(input('x'), filters, attributes)
      need(sameShape(y.shape, input('dy').shape), 'dy of the result')
      return [f32(attributes.filterShape)]
    },
    gradient: null,
    multiplyAdds: ({ input }, [dfilters]) => multiplyAdds(input('dy'), dfilters),
  },
}

function convolved(x: TensorType, filters: TensorType, attributes: ConvAttributes): TensorType {
  const [batch = 0, channels = 0, height = 0, width = 0] = rank(x, 4, 'x')
  const [out = 0, perGroup = 0, kernelHeight = 0, kernelWidth = 0] = rank(filters, 4, 'the filter')
  const { groups } = attributes
  need(channels === perGroup * groups, `${perGroup * groups} channels of x for ${groups} groups`)
  need(out % groups === 0, 'output channels divisible by the groups')
  need(filters.dtype === x.dtype, 'x and the filter in one precision')
  const size = [convOutputSize(height, kernelHeight, attributes), convOutputSize(width, kernelWidth, attributes)]
  need(
    size.every((pixels) => pixels > 0),
    'an image at least as large as the filter',
  )
  return { shape: [batch, out, ...size], dtype: x.dtype }
}

/** Of a convolution, from the type of its result and of its filters [O, C / groups, k, k]. */
function multiplyAdds(result: TensorType | undefined, filters: TensorType | undefined): number {
  return elementCount(result?.shape ?? [0]) * elementCount(filters?.shape.slice(1) ?? [0])
}
