/** A run's bits depend on its seed and devices alone. */
import { join } from 'node:path'
import t from 'tap'
import { type RunNumbers, readRun } from './read-run.ts'
import { runCli, TRAIN_TINY } from './run-cli.ts'

/** Two epochs and a part of the third, augmented and shuffled. */
const STEPS = 24
t.setTimeout(120_000)

async function trained(cwd: string, out: string, ...options: string[]): Promise<RunNumbers> {
  const ended = await runCli([...TRAIN_TINY, '--steps', `${STEPS}`, '--out', out, ...options], { cwd })
  if (ended.code !== 0) throw new Error(ended.stderr)
  return readRun(join(cwd, out), STEPS)
}

t.test('1, 2 and 4 decode workers train the same bits', async (t) => {
  const cwd = t.testdir()
  const one = await trained(cwd, 'one', '--decode-workers', '1')
  t.equal(one.metrics.filter(({ kind }) => kind === 'step').length, STEPS)
  for (const workers of ['2', '4']) t.same(await trained(cwd, workers, '--decode-workers', workers), one, workers)
  t.not((await trained(cwd, 'other', '--seed', '2')).model, one.model, 'another seed is another run')
})

t.test('two replicas on shared cores repeat their bits', async (t) => {
  const cwd = t.testdir()
  const first = await trained(cwd, 'first', '--devices', 'cpu:2')
  t.same(await trained(cwd, 'second', '--devices', 'cpu:2', '--decode-workers', '2'), first)
})
