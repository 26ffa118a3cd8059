import type { NoAttributes, OpFamily } from './op-definition.ts'
import { need, rank, sameTypes, scalar } from './shapes.ts'

export interface ElementwiseOps {
  /** A scalar f32. */
  Constant: { attributes: { readonly value: number }; inputs: []; outputs: ['value'] }
  /** u8 pixels [B, H, W, C] -> (x / 255 - mean) / std as [B, C, H, W]. */
  Normalise: {
    attributes: { readonly mean: readonly number[]; readonly std: readonly number[]; readonly dtype: 'f32' | 'bf16' }
    inputs: ['pixels']
    outputs: ['images']
  }
  /** Same elements in another precision. */
  Cast: { attributes: { readonly dtype: 'f32' | 'bf16' }; inputs: ['x']; outputs: ['y'] }
  /** Elementwise sum of two tensors of one type. */
  Add: { attributes: NoAttributes; inputs: ['left', 'right']; outputs: ['sum'] }
  /** Product of two scalars. */
  Multiply: { attributes: NoAttributes; inputs: ['left', 'right']; outputs: ['product'] }
  /** Tensor or scalar times a constant. */
  Scale: { attributes: { readonly factor: number }; inputs: ['x']; outputs: ['y'] }
}

export const ELEMENTWISE: OpFamily<ElementwiseOps> = {
  Constant: { inputs: [], outputs: ['value'], shape: () => [scalar], gradient: null },
  Normalise: {
    inputs: ['pixels'],
    outputs: ['images'],
    shape: ({ input, attributes: { mean, std, dtype } }) => {
      const pixels = input('pixels')
      const [batch = 0, height = 0, width = 0, channels = 0] = rank(pixels, 4, 'the images')
      need(pixels.dtype === 'u8', 'u8 images')
      need(mean.length === channels && std.length === channels, `a mean and std for each of ${channels} channels`)
      return [{ shape: [batch, channels, height, width], dtype }]
    },
    gradient: null,
  },
  Cast: {
    inputs: ['x'],
    outputs: ['y'],
    shape: ({ input, attributes: { dtype } }) => [{ shape: input('x').shape, dtype }],
    gradient: ({ graph, input, dy, label }) => {
      const { dtype } = input('x')
      if (dy.dtype === dtype) return { x: dy }
      if (dtype !== 'f32' && dtype !== 'bf16') throw new Error(`Expected f32 or bf16 for a cast but received ${dtype}`)
      return { x: graph.applyOne('Cast', [dy], { dtype }, label) }
    },
  },
  Add: {
    inputs: ['left', 'right'],
    outputs: ['sum'],
    shape: ({ input }) => [sameTypes([input('left'), input('right')])],
    gradient: ({ dy }) => ({ left: dy, right: dy }),
  },
  Multiply: {
    inputs: ['left', 'right'],
    outputs: ['product'],
    shape: ({ input }) => {
      need(sameTypes([input('left'), input('right')]).shape.length === 0, 'scalars')
      return [scalar]
    },
    gradient: ({ graph, input, dy, label, wants }) => ({
      left: wants('left') ? graph.applyOne('Multiply', [dy, input('right')], {}, label) : null,
      right: wants('right') ? graph.applyOne('Multiply', [dy, input('left')], {}, label) : null,
    }),
  },
  Scale: {
    inputs: ['x'],
    outputs: ['y'],
    shape: ({ input }) => [input('x')],
    gradient: ({ graph, dy, attributes, label }) => ({ x: graph.applyOne('Scale', [dy], attributes, label) }),
  },
}
