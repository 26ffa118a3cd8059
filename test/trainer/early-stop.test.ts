/** `--early-stop`: where a run ends, what resume and reports say of it, and that it is over. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { type EvalLine, readMetrics } from '../../src/report/metrics.ts'
import { readRun as readResult } from '../../src/report/run-result.ts'
import { readRunView } from '../../src/report/run-view.ts'
import { latestCheckpoint } from '../../src/train/checkpoint/checkpoint.ts'
import { endsEarly, isOver } from '../../src/train/run/run-end.ts'
import { summarise } from '../../src/watch/run-summary.ts'
import { runCli, TRAIN_TINY } from './run-cli.ts'

t.setTimeout(300_000)

const LENGTH = { epochs: 20, steps: null, earlyStop: 3, evaluateEvery: 1 }
const at = (epoch: number, bestEpoch: number) => ({
  ...{ epoch, step: 7 * epoch, stepInEpoch: 0 },
  best: { step: 7 * bestEpoch, error: 50 },
})

t.test('a run ends at the evaluation that is so many epochs behind the best', (t) => {
  t.notOk(endsEarly(LENGTH, at(5, 3)))
  t.ok(endsEarly(LENGTH, at(6, 3)))
  t.ok(isOver(LENGTH, at(6, 3)))
  t.notOk(endsEarly({ ...LENGTH, earlyStop: null }, at(19, 1)))
  t.notOk(endsEarly({ ...LENGTH, evaluateEvery: 4 }, at(6, 3)), 'no evaluation there')
  t.ok(endsEarly({ ...LENGTH, evaluateEvery: 4 }, at(8, 4)))
  t.notOk(endsEarly(LENGTH, { ...at(6, 3), best: null }))
  t.notOk(isOver(LENGTH, { ...at(6, 3), stepInEpoch: 2 }))
  t.notOk(endsEarly(LENGTH, at(20, 3)), 'the whole length is no early end')
  t.ok(isOver(LENGTH, at(20, 3)))
  t.end()
})

t.test('a run that learns nothing', async (t) => {
  const cwd = t.testdir()
  const started = [...TRAIN_TINY, '--epochs', '30', '--lr', '1e-9', '--early-stop', '2', '--out', 'run']
  const trained = await runCli(started, { cwd })
  t.equal(trained.code, 0, trained.stderr)
  const metrics = join(cwd, 'run', 'metrics.jsonl')
  const evaluations = (await readMetrics(metrics)).filter((line): line is EvalLine => line.kind === 'eval')
  const errors = evaluations.map(({ top1_error }) => top1_error.mean)
  const stalled = (count: number) => count - 1 - errors.indexOf(Math.min(...errors.slice(0, count))) >= 2
  t.ok(errors.length < 30, `${errors.length} epochs`)
  t.same(
    errors.map((_, index) => stalled(index + 1)),
    errors.map((_, index) => index === errors.length - 1),
    `the last evaluation is the first that is 2 epochs behind: ${errors.join(' ')}`,
  )
  t.match(trained.stderr, /ends early, after \d+ epochs: for 2 the test error was no lower/)
  t.same((await readResult(join(cwd, 'run'))).final, evaluations.at(-1), 'reports count it as finished')
  const view = await readRunView(join(cwd, 'run'), await readMetrics(metrics))
  const seen = summarise('run', view, false, '')
  t.equal(seen.state, 'finished', 'so does watch')

  const [checkpoint, lines] = [await latestCheckpoint(join(cwd, 'run')), await readFile(metrics, 'utf8')]
  const resumed = await runCli(['resume', 'run'], { cwd })
  t.equal(resumed.code, 0, resumed.stderr)
  t.match(resumed.stderr, new RegExp(`is finished: ${errors.length} epochs, up to its early stop, are trained`))
  t.equal(await latestCheckpoint(join(cwd, 'run')), checkpoint)
  t.equal(await readFile(metrics, 'utf8'), lines)
})
