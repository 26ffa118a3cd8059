/** A short run of `npm run fuzz` over every target, and a harness that finds what is wrong. */
import t from 'tap'
import type { FuzzTarget } from '../../bench/fuzz/fuzz-target.ts'
import { createJudge } from '../../bench/fuzz/judge.ts'
import { mutate } from '../../bench/fuzz/mutate.ts'
import { FUZZ_TARGETS } from '../../bench/fuzz/targets.ts'
import { UserFault } from '../../src/vocabulary/fault.ts'

t.setTimeout(300_000)
const SEED = 17
const MUTATIONS = 100

/** Findings of the first `count` cases, in words. */
async function findingsOf(target: FuzzTarget, scratch: string, count = MUTATIONS) {
  const judge = await createJudge(target, SEED, scratch)
  const findings: string[] = []
  let refused = 0
  for (let number = 0; number < count; number++) {
    const verdict = await judge.verdict(number)
    if (verdict.kind === 'finding') findings.push(`${number} (${judge.damage(number)}): ${verdict.what}`)
    if (verdict.kind === 'refused') refused++
  }
  return { findings, refused }
}

for (const target of FUZZ_TARGETS) {
  t.test(`${MUTATIONS} damaged files of ${target.name}: refused by name, or read as they stand`, async (t) => {
    const { findings, refused } = await findingsOf(target, t.testdir())
    t.same(findings, [])
    t.ok(refused > 0, `${refused} refused`)
  })
}

const sample = Buffer.from('a file without any checksum, of 48 bytes or more')
const careless: FuzzTarget = {
  name: 'careless',
  file: 'some.file',
  samples: () => [sample],
  read: (bytes) => bytes.toString('latin1'),
}

t.test('a reader that takes damaged bytes, throws anything or does not name the file is found', async (t) => {
  const { findings } = await findingsOf(careless, t.testdir(), 10)
  t.equal(findings.length, 10)
  const reader = (error: Error) => ({
    ...careless,
    read: (bytes: Buffer) => {
      if (bytes.equals(sample)) return ''
      throw error
    },
  })
  t.match((await findingsOf(reader(new RangeError('offset')), t.testdir(), 1)).findings, [
    /no fault in words: RangeError/,
  ])
  t.match((await findingsOf(reader(new UserFault('It is damaged', '')), t.testdir(), 1)).findings, [/without the name/])
  t.same(await findingsOf(reader(new UserFault('Expected another some.file', '')), t.testdir(), 1), {
    findings: [],
    refused: 1,
  })
})

t.test('a mutation is a function of seed and number, and changes something', (t) => {
  for (let number = 0; number < 200; number++) {
    const { bytes } = mutate(sample, 1, number)
    t.notOk(bytes.equals(sample))
    t.ok(bytes.equals(mutate(sample, 1, number).bytes))
  }
  t.notOk(mutate(sample, 1, 0).bytes.equals(mutate(sample, 2, 0).bytes))
  t.end()
})
