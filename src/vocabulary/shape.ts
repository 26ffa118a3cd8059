/** Sizes of a tensor, outermost first. Activations are `[batch, channels, height, width]`, a scalar is `[]`. */
export type Shape = readonly number[]

/** Number of elements of a tensor of this shape (1 for a scalar). */
export function elementCount(shape: Shape): number {
  let count = 1
  for (const size of shape) count *= size
  return count
}

export function sameShape(left: Shape, right: Shape): boolean {
  return left.length === right.length && left.every((size, axis) => size === right[axis])
}

/** `[128, 16, 32, 32]` as people write it. */
export function printShape(shape: Shape): string {
  return `[${shape.join(', ')}]`
}
