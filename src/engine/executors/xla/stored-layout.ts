import type { Shape } from '../../../vocabulary/shape.ts'

/**
 * Values of rank 4 lie on the device with their second axis last, which is what convolutions on GPUs (and on CPUs) want:
 * activations [B, C, H, W] as [B, H, W, C], filters [O, I, k, k] as [O, k, k, I].
 */
export function storedShape(shape: Shape): number[] {
  const [first = 0, second = 0, ...rest] = shape
  return shape.length === 4 ? [first, ...rest, second] : [...shape]
}

/** Axis of the channels of a stored image. */
export const CHANNELS = 3

/** Axes of the stored form in logical order. */
export const TO_LOGICAL = [0, 3, 1, 2] as const

/** Elements in logical order -> as stored. */
export function toStored(elements: Float32Array, shape: Shape): Float32Array {
  if (shape.length !== 4) return elements
  const [outer = 0, planes = 0, height = 0, width = 0] = shape
  return swapInner(elements, outer, planes, height * width)
}

/** Elements as stored -> in logical order. @param shape the logical one */
export function toLogical(elements: Float32Array, shape: Shape): Float32Array {
  if (shape.length !== 4) return elements
  const [outer = 0, planes = 0, height = 0, width = 0] = shape
  return swapInner(elements, outer, height * width, planes)
}

/** [outer, rows, columns] -> [outer, columns, rows]. */
function swapInner(elements: Float32Array, outer: number, rows: number, columns: number): Float32Array {
  const swapped = new Float32Array(elements.length)
  for (let block = 0; block < outer * rows * columns; block += rows * columns) {
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        swapped[block + column * rows + row] = elements[block + row * columns + column] ?? Number.NaN
      }
    }
  }
  return swapped
}
