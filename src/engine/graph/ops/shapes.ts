/** What shape rules share. */
import { type Shape, sameShape } from '../../../vocabulary/shape.ts'
import type { TensorType } from './op-definition.ts'

export const f32 = (shape: Shape): TensorType => ({ shape, dtype: 'f32' })
export const scalar: TensorType = { shape: [], dtype: 'f32' }

export function need(holds: boolean, expectation: string): asserts holds {
  if (!holds) throw new Error(expectation)
}

export function rank(type: TensorType, size: number, name: string): Shape {
  need(type.shape.length === size, `rank ${size} for ${name}`)
  return type.shape
}

export function sameTypes(types: readonly TensorType[]): TensorType {
  const [first] = types
  need(first !== undefined, 'an input')
  need(
    types.every((type) => sameShape(type.shape, first.shape) && type.dtype === first.dtype),
    'inputs of one type',
  )
  return first
}

/** Size, kernel, stride and padding of one spatial direction of a convolution or pooling -> its size afterwards; floor, as PyTorch. */
export function convOutputSize(
  input: number,
  kernel: number,
  { stride, padding }: { readonly stride: number; readonly padding: number },
): number {
  return Math.floor((input + 2 * padding - kernel) / stride) + 1
}

/** Type of the mean of rows, f32 [B, n]. */
export function meanOf(members: readonly TensorType[]): TensorType {
  const type = sameTypes(members)
  rank(type, 2, 'each input')
  need(type.dtype === 'f32', 'inputs of f32')
  return type
}
