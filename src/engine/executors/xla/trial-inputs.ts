/** What the trial of a program runs on: no zeros, which hide operations that run too early or twice. */

import { elementCount, type Shape } from '../../../vocabulary/shape.ts'
import type { StateLayout } from '../../graph/state-layout.ts'
import { viewState } from '../../graph/state-layout.ts'
import type { LoweredProgram } from './lower-program.ts'

/** Uniform numbers in [0, 1), the same for the same seed (Numerical Recipes' linear congruential generator). */
function uniforms(seed: number): () => number {
  let word = seed >>> 0
  return () => {
    word = (Math.imul(word, 1664525) + 1013904223) >>> 0
    return word / 2 ** 32
  }
}

/**
 * A state whose activations stay finite in a deep network: filters as He et al. (2015) draw them, scales and variances near
 * one, an optimizer's near zero, no square negative.
 */
export function drawTrialState(layout: StateLayout): SharedArrayBuffer {
  const state = new SharedArrayBuffer(layout.elements * Float32Array.BYTES_PER_ELEMENT)
  layout.tensors.forEach((tensor, index) => {
    const next = uniforms(index + 1)
    const [low, high] = rangeOf(tensor.role === 'optimizer', tensor.shape)
    const view = viewState(tensor, state)
    for (let element = 0; element < view.length; element++) view[element] = low + (high - low) * next()
  })
  return state
}

function rangeOf(ofOptimizer: boolean, shape: Shape): [low: number, high: number] {
  if (ofOptimizer) return [0, 0.001]
  if (shape.length < 2) return [0.5, 1.5]
  const bound = Math.sqrt((6 * (shape[0] ?? 1)) / elementCount(shape))
  return [-bound, bound]
}

export type HostArrays = readonly (Uint8Array | Int32Array | Float32Array)[]

/** Host inputs of a run; those of another number are others. */
export function drawTrialInputs({ inputs }: LoweredProgram, run: number): HostArrays {
  return inputs.map(({ kind, shape }, index) => {
    const count = elementCount(shape)
    const next = uniforms(1 + 16 * run + index)
    if (kind === 'images') return Uint8Array.from({ length: count }, () => 256 * next())
    // Classes that every dataset has; a small learning rate and small shares.
    if (kind === 'labels') return Int32Array.from({ length: count }, () => 2 * next())
    return Float32Array.from({ length: count }, () => 0.02 * (1 + next()))
  })
}
