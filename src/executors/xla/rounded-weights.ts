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
  return program.states.flatMap(({ name, value: weight }) => {
    const casts = program.nodes.flatMap((node) =>
      node.op === 'Cast' && node.attributes.dtype === 'bf16' && node.inputs[0] === weight ? node.outputs : [],
    )
    return casts.length === 0 ? [] : [{ name, weight, updated: updates.get(name) ?? null, casts }]
  })
}
