/** One case: a mutation read, and the answer held to what FuzzTarget promises. */
import { UserFault } from '../../src/vocabulary/fault.ts'
import type { FuzzTarget } from './fuzz-target.ts'
import { mutate } from './mutate.ts'

export type Verdict =
  | { readonly kind: 'refused' | 'accepted' }
  /** `what` says in words what should not be. */
  | { readonly kind: 'finding'; readonly what: string }

export interface Judge {
  /** @throws Error where the target's own samples are not read */
  verdict(number: number): Promise<Verdict>
  /** Kinds of damage of a case, for the words of a finding. */
  damage(number: number): string
}

/** @param scratch empty folder for the target's files */
export async function createJudge(target: FuzzTarget, seed: number, scratch: string): Promise<Judge> {
  const samples = await target.samples()
  const wholes: string[] = []
  for (const sample of samples) wholes.push(await target.read(Buffer.from(sample), scratch))
  const caseOf = (number: number) => {
    const place = number % samples.length
    const sample = samples[place]
    const whole = wholes[place]
    if (sample === undefined || whole === undefined)
      throw new Error(`Expected samples of ${target.name} but there are none`)
    const { kinds, bytes } = mutate(sample, seed, number)
    if (number % 2 === 0) target.mend?.(bytes)
    return { kinds, bytes, unchanged: bytes.equals(sample), whole }
  }
  return {
    damage: (number) => caseOf(number).kinds.join(', then '),
    async verdict(number) {
      const { bytes, whole, unchanged } = caseOf(number)
      let found: string
      try {
        found = await target.read(Buffer.from(bytes), scratch)
      } catch (error) {
        return judgeRefusal(target, error)
      }
      const wanted = unchanged || target.asItStands === undefined ? whole : await target.asItStands(bytes)
      if (found === wanted) return { kind: 'accepted' }
      return {
        kind: 'finding',
        what: wanted === null ? 'accepted, though no reader should' : 'accepted with other contents',
      }
    },
  }
}

function judgeRefusal(target: FuzzTarget, error: unknown): Verdict {
  if (!(error instanceof UserFault)) {
    return { kind: 'finding', what: `no fault in words: ${error instanceof Error ? error.stack : String(error)}` }
  }
  if (error.message.includes(target.file)) return { kind: 'refused' }
  return { kind: 'finding', what: `refused without the name ${target.file}: ${error.message}` }
}
