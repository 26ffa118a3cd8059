/** The process that reads mutations of one target: what it dies of is a finding of the one that started it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createJudge, type Verdict } from './judge.ts'
import { FUZZ_TARGETS } from './targets.ts'

/** Cases `from` .. `to - 1` of a target. */
export interface FuzzTask {
  readonly target: string
  readonly seed: number
  readonly from: number
  readonly to: number
}

/** What it tells of each case, in order. */
export interface FuzzAnswer {
  readonly number: number
  readonly damage: string
  readonly verdict: Verdict
}

async function work({ target: name, seed, from, to }: FuzzTask): Promise<void> {
  const target = FUZZ_TARGETS.find((one) => one.name === name)
  if (target === undefined) throw new Error(`Expected a target of the table but received ${name}`)
  const scratch = mkdtempSync(join(tmpdir(), `fuzz-${name}-`))
  try {
    const judge = await createJudge(target, seed, scratch)
    for (let number = from; number < to; number++) {
      const verdict = await judge.verdict(number)
      const damage = verdict.kind === 'finding' ? judge.damage(number) : ''
      // Waited for: what was told before it died says which case killed it.
      await new Promise((resolve) => process.send?.({ number, damage, verdict } satisfies FuzzAnswer, resolve))
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
  process.disconnect()
}

process.once('message', (task: FuzzTask) => void work(task))
