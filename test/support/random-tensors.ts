import { randomStream } from '../../src/vocabulary/random.ts'

/** Standard normal numbers of a seed; `stream` tells apart the tensors of one seed. */
export function normals(count: number, seed: number, stream: number): Float32Array {
  const random = randomStream(seed, 'perturbation', stream)
  return Float32Array.from({ length: count }, () => random.normal())
}

/** Positive numbers from 0.5 to 1.5. */
export function positives(count: number, seed: number, stream: number): Float32Array {
  const random = randomStream(seed, 'perturbation', stream)
  return Float32Array.from({ length: count }, () => 0.5 + random.uniform())
}

export function pixels(count: number, seed: number): Uint8Array {
  const random = randomStream(seed, 'augment')
  return Uint8Array.from({ length: count }, () => random.below(256))
}

/** Classes 0 .. classes - 1. */
export function classes(count: number, among: number, seed: number): Int32Array {
  const random = randomStream(seed, 'order')
  return Int32Array.from({ length: count }, () => random.below(among))
}
