/** Random directions in the space of a network's parameters (figure 3 of the paper). */
import { fillNormal } from '../vocabulary/random.ts'

/**
 * A direction of unit length, uniform over the sphere: independent normal numbers, divided by their norm. A pure function
 * of its arguments, so networks with equal parameters are pushed the same way.
 * @param lengths elements of each parameter tensor, in their order
 * @param index which of the directions of this seed
 * @returns one array a tensor; their squares sum to 1 over all of them
 */
export function drawDirection(lengths: readonly number[], seed: number, index: number): Float32Array[] {
  const parts = lengths.map((length, tensor) => {
    const part = new Float32Array(length)
    fillNormal(part, 1, seed, 'perturbation', index, tensor)
    return part
  })
  const squares = parts.map((part) => part.reduce((sum, value) => sum + value * value, 0))
  const norm = Math.sqrt(squares.reduce((sum, value) => sum + value, 0))
  for (const part of parts) for (const [place, value] of part.entries()) part[place] = value / norm
  return parts
}

/** Writes `solution + distance direction` into `target`, tensor by tensor. */
export function moveAlong(
  target: readonly Float32Array[],
  solution: readonly Float32Array[],
  direction: readonly Float32Array[],
  distance: number,
): void {
  target.forEach((tensor, index) => {
    const origin = solution[index]
    const part = direction[index]
    if (origin?.length !== tensor.length || part?.length !== tensor.length) {
      throw new RangeError(`Expected ${tensor.length} elements for tensor ${index} but received others`)
    }
    for (let place = 0; place < tensor.length; place++) {
      tensor[place] = (origin[place] ?? 0) + distance * (part[place] ?? 0)
    }
  })
}
