/** Whole steps on two executors: how far apart their numbers may be, and which are further. */
import type { ComputeDType } from '../../src/vocabulary/dtype.ts'
import { distanceOfScale } from './compare-tensors.ts'
import type { ProgramRun } from './run-program.ts'

/**
 * Of a tensor's scale. bf16 has 8 bits: an activation that is rounded to the other side moves what follows by 2^-8 of
 * itself, and so other roundings, through some ten layers forward and ten backward.
 */
export const STEP_TOLERANCES: Readonly<Record<ComputeDType, number>> = { f32: 5e-5, bf16: 0.02 }
/** Values of a step's scalar inputs by name. */
export const STEP_SCALARS: Readonly<Record<string, number>> = {
  learning_rate: 0.1,
  distillation_weight: 0.6,
  linear_ramp_up: 0.6,
  own_share: 0.7,
  partner_share: 0.3,
  bias_correction1: 0.4,
  bias_correction2_root: 0.2,
}
/** Gates' biases go into a batch norm, so their gradient is zero but for rounding. */
export const VANISHING = /^gradient\.gate\.fc\.bias$/

/** Outputs and state tensors that lie further apart than the tolerance. */
export function tooFar(actual: ProgramRun, wanted: ProgramRun, tolerance: number): string[] {
  const compare = (kind: string, mine: ReadonlyMap<string, Float32Array>, theirs: ReadonlyMap<string, Float32Array>) =>
    [...theirs].flatMap(([name, elements]) => {
      if (VANISHING.test(name)) return []
      const hits = /^(correct|top\d)\./.test(name)
      const apart = distanceOfScale(mine.get(name) ?? [], elements)
      const exact = hits && mine.get(name)?.[0] === elements[0]
      return exact || apart <= tolerance ? [] : [`${kind} ${name} is ${apart} of its scale away`]
    })
  return [...compare('output', actual.outputs, wanted.outputs), ...compare('state', actual.state, wanted.state)]
}
