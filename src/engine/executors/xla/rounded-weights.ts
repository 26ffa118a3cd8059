import type { Program, ValueId } from '../../graph/program.ts'

/** A weight of which a program needs no more than the bf16 copy, or that as well. */
export interface RoundedWeight {
  /** Name of the state tensor. */
  readonly name: string
  /** The weight before the run, f32. */
  readonly weight: ValueId
  /** The weight after the run, f32; null where the program leaves it. */
  readonly updated: ValueId | null
  /** What the program makes of the weight: the copy. */
  readonly casts: readonly ValueId[]
}

/** All weights that a program rounds to bf16. */
export function findRoundedWeights(program: Program): RoundedWeight[] {
  const updates = new Map(program.updates.map(({ name, value }) => [name, value]))
  const copies = new Map<ValueId, ValueId[]>()
  for (const {
    op,
    attributes,
    inputs: [input = -1],
    outputs,
  } of program.nodes) {
    if (op === 'Cast' && attributes.dtype === 'bf16') copies.set(input, [...(copies.get(input) ?? []), ...outputs])
  }
  return program.states.flatMap(({ name, value: weight }) => {
    const casts = copies.get(weight) ?? []
    return casts.length === 0 ? [] : [{ name, weight, updated: updates.get(name) ?? null, casts }]
  })
}
