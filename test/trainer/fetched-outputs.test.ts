/** A device keeps the outputs of its steps until they are logged: what is fetched when, and that it changes no number. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { latestCheckpoint, loadCheckpoint } from '../../src/train/checkpoint/checkpoint.ts'
import { findAddon } from '../../src/vocabulary/addon-file.ts'
import { withoutXla } from '../support/xla.ts'
import { type RunNumbers, readRun } from './read-run.ts'
import { runCli, startCli, TRAIN_TINY } from './run-cli.ts'

/** 160 images: epochs of 40 steps, so that a run can be stopped within one. */
const [STEPS, BATCH] = [60, 4]
const LOG_EVERY = 7
/** Lines that the runs have in common. */
const LOGGED = [7, 14, 21, 28, 35, 42, 49, 56, 60]

const cwd = t.testdir({
  // The real addon, which tells of the copies of outputs from runs of the training program: it has three inputs.
  'telling-addon.cjs': `
    const { appendFileSync } = require('node:fs')
    const addon = require(process.env.REAL_ADDON)
    const tell = (run, letter) => run.trains && appendFileSync(process.env.CALLS, letter)
    class Run extends addon.Run {
      constructor(program, state, inputs, launch) {
        super(program, state, inputs, launch)
        this.trains = inputs.length === 3
        tell(this, 's')
      }
      fetch() {
        tell(this, 'f')
        super.fetch()
      }
      outputs(...given) {
        tell(this, 'o')
        super.outputs(...given)
      }
    }
    module.exports = { ...addon, Run }
  `,
})
const env = {
  NATIVE_ENSEMBLE_XLA_CACHE: join(cwd, 'compiled'),
  NATIVE_ENSEMBLE_PJRT_ADDON: join(cwd, 'telling-addon.cjs'),
  REAL_ADDON: findAddon('pjrt').path,
}
const TRAIN = [
  ...TRAIN_TINY.slice(0, -4),
  ...['--batch', `${BATCH}`, '--branches', '2', '--devices', 'xla-cpu', '--steps', `${STEPS}`, '--evaluate-every', '9'],
]
t.setTimeout(580_000)

/** Numbers of a whole run, and the addon's calls: `s`tart, begin to `f`etch, wait for `o`utputs. */
async function trainWhole(logEvery: number): Promise<{ numbers: RunNumbers; calls: string }> {
  const out = `whole-${logEvery}`
  const calls = join(cwd, `calls-${logEvery}`)
  const ended = await runCli([...TRAIN, '--log-every', `${logEvery}`, '--out', out], {
    cwd,
    env: { ...env, CALLS: calls },
  })
  if (ended.code !== 0) throw new Error(ended.stderr)
  return { numbers: await readRun(join(cwd, out), STEPS), calls: await readFile(calls, 'utf8') }
}

/** How many outputs were fetched together, each time. */
function fetchesOf(calls: string): number[] {
  return [...calls.matchAll(/(f+)(o+)/g)].map(([, begun = '', awaited = '']) => {
    return begun.length === awaited.length ? begun.length : Number.NaN
  })
}

const linesOf = ({ metrics }: RunNumbers, steps: readonly number[]) =>
  metrics.filter(({ kind, step }) => kind !== 'step' || steps.includes(step))

t.test('a line every 7 steps', { skip: withoutXla }, async (t) => {
  const [each, some] = [await trainWhole(1), await trainWhole(LOG_EVERY)]

  t.test('are the lines that a run with one a step has', (t) => {
    t.equal(each.numbers.metrics.filter(({ kind }) => kind === 'step').length, STEPS)
    t.same(
      some.numbers.metrics.flatMap(({ kind, step }) => (kind === 'step' ? [step] : [])),
      LOGGED,
    )
    t.same(linesOf(each.numbers, LOGGED), some.numbers.metrics, 'epochs and evaluations too')
    t.same({ ...each.numbers, metrics: [] }, { ...some.numbers, metrics: [] }, 'weights and momentum')
    t.end()
  })

  t.test('outputs are fetched only then, and at the end of an epoch', (t) => {
    for (const { calls } of [each, some]) t.equal(calls.replaceAll(/[^s]/g, '').length, STEPS)
    t.same(
      fetchesOf(each.calls),
      Array.from({ length: STEPS }, () => 1),
    )
    t.same(fetchesOf(some.calls), [7, 7, 7, 7, 7, 5, 2, 7, 7, 4])
    t.equal(some.calls.replaceAll(/[^fo]/g, '').length, 2 * STEPS, 'none is fetched or awaited besides')
    t.end()
  })

  t.test('a run that is stopped in between goes on to the same bits', async (t) => {
    const folder = await stoppedBetweenFetches()
    const resumed = await runCli(['resume', folder], { cwd, env: { ...env, CALLS: join(cwd, 'calls-resumed') } })
    t.equal(resumed.code, 0, resumed.stderr)
    t.same(await readRun(folder, STEPS), some.numbers)
  })
})

/** Starts runs until one ends within an epoch at a step that has no line. */
async function stoppedBetweenFetches(): Promise<string> {
  for (let attempt = 0; attempt < 10; attempt++) {
    const folder = join(cwd, `stopped-${attempt}`)
    const run = startCli([...TRAIN, '--log-every', `${LOG_EVERY}`, '--out', folder], {
      cwd,
      env: { ...env, CALLS: join(cwd, `calls-stopped-${attempt}`) },
    })
    await run.said('step 7/')
    run.child.kill('SIGINT')
    const ended = await run.ended
    if (ended.code !== 130) throw new Error(ended.stderr)
    const { progress } = await loadCheckpoint((await latestCheckpoint(folder)) ?? '')
    if (progress.stepInEpoch > 0 && progress.step % LOG_EVERY !== 0) return folder
  }
  throw new Error('Expected one of 10 runs to be stopped between two lines')
}

t.test('the step is named at which training diverged, whenever that is seen', { skip: withoutXla }, async (t) => {
  const faults = await Promise.all(
    [1, LOG_EVERY, 1000].map(async (logEvery) => {
      const out = `diverged-${logEvery}`
      const given = [...TRAIN, '--lr', '1e30', '--log-every', `${logEvery}`, '--out', out]
      const ended = await runCli(given, { cwd, env: { ...env, CALLS: join(cwd, `calls-${out}`) } })
      t.equal(ended.code, 2)
      t.equal(await latestCheckpoint(join(cwd, out)), null, 'no checkpoint holds what it came to')
      return /^error: Expected a finite loss for step \d+ but received \S+$/m.exec(ended.stderr)?.[0]
    }),
  )
  t.type(faults[0], 'string')
  t.same(faults, [faults[0], faults[0], faults[0]])
})
