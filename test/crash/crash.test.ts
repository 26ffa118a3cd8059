/** A few of the kills of `npm run test:crash`. */
import t from 'tap'
import { CRASH_RUNS } from './crash-runs.ts'
import { killAndResume } from './kill-and-resume.ts'
import { planKill } from './kill-plan.ts'

t.setTimeout(580_000)

t.test('runs that are killed come to the same numbers and leave nothing over', async (t) => {
  const runs = CRASH_RUNS.filter(({ name }) => name !== 'kd')
  const report = await killAndResume({ kills: 8, seed: 5, runs }, t.testdir(), (words) => t.comment(words))
  t.same(report.faults, [])
  t.equal(report.kills, 8)
  t.ok(report.runs >= runs.length)
  t.ok(report.resumes > 0)
})

t.test('kills are drawn from the seed', (t) => {
  const plans = (seed: number) => Array.from({ length: 200 }, (_, kill) => planKill(seed, kill, 1000))
  t.same(plans(1), plans(1))
  t.notSame(plans(1), plans(2))
  t.ok(plans(1).some(({ after }) => after === null))
  t.equal(new Set(plans(1).map(({ after }) => String(after))).size, 9, 'all kinds come up')
  t.end()
})
