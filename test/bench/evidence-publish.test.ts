import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { planEvidence } from '../../bench/evidence-plan.ts'
import { publishEvidence } from '../../bench/evidence-publish.ts'
import { evidenceJobs } from '../../bench/evidence-sets.ts'
import { type GivenSettings, makeConfig } from '../../src/config/make-config.ts'
import { compareRuns } from '../../src/report/comparison.ts'
import { readMetrics, summariseErrors } from '../../src/report/metrics.ts'
import { runFiles } from '../../src/report/run-files.ts'
import { gatherRuns } from '../../src/report/run-folders.ts'
import { deploymentCost } from '../../src/studies/training-cost.ts'
import { describeMachine } from '../../src/train/run/machine.ts'
import { madeUpRun } from '../report/made-up-run.ts'

const EPOCHS = 15

async function leaveRun(runs: string, seed: number, error: number, given: GivenSettings = {}): Promise<void> {
  const out = join(runs, `${JSON.stringify(given).replaceAll(/\W+/g, '-')}-seed-${seed}`)
  await mkdir(out, { recursive: true })
  const files = runFiles(out)
  await writeFile(files.config, JSON.stringify(await makeConfig('fashion/one', { seed, out, ...given })))
  const images = [{ path: join(runs, 'data', 'train.gz'), sha256: 'abc' }]
  await writeFile(files.machine, JSON.stringify(describeMachine({}, images)))
  const lines = madeUpRun(EPOCHS).map((line) =>
    line.kind === 'eval' ? { ...line, top1_error: summariseErrors([error, error], error - 1) } : line,
  )
  await writeFile(files.metrics, lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
}

t.test('published runs hold no place of this machine, and make the same tables again', async (t) => {
  const runs = t.testdir()
  await leaveRun(runs, 1, 8)
  await leaveRun(runs, 2, 10)
  const planned = await planEvidence(evidenceJobs(['fashion'], [1, 2], ['fashion/one', 'vanilla']), [runs])
  const finished = planned.filter(({ state }) => state === 'finished')
  t.equal(finished.length, 2)
  const folder = join(runs, 'published')
  const files = await publishEvidence(finished, folder)
  t.ok(files.includes(join(folder, 'tables.md')) && files.includes(join(folder, 'fashion.csv')), files.join(' '))
  t.match(await readFile(join(folder, 'tables.md'), 'utf8'), /\| ONE \| 9\.00 \| 0\.00 \| 1\.41 \|/)

  const copy = join(folder, 'one-seed-1')
  t.same((await readdir(copy)).sort(), ['config.json', 'machine.json', 'metrics.jsonl'])
  for (const name of ['config.json', 'machine.json']) {
    t.notMatch(await readFile(join(copy, name), 'utf8'), runs, `${name} names no folder of the machine`)
  }
  t.same([...new Set((await readMetrics(join(copy, 'metrics.jsonl'))).map(({ kind }) => kind))], ['epoch', 'eval'])

  const again = await compareRuns(await gatherRuns([folder]), deploymentCost)
  const original = await compareRuns(
    finished.map(({ out }) => out),
    deploymentCost,
  )
  const figures = ({ tables }: typeof again) =>
    tables.map(({ name, rows }) => [name, rows.map(({ method, result }) => [method, result?.error, result?.seeds])])
  t.same(figures(again), figures(original))
})

t.test('runs on a GPU stand beside those of the CPU, with executor and precision', async (t) => {
  const runs = t.testdir()
  await leaveRun(runs, 1, 8)
  await leaveRun(runs, 1, 7, { devices: 'gpu:0', precision: 'fp32', pjrtPlugin: join(runs, 'plugin.so') })
  const planned = await planEvidence(evidenceJobs(['fashion', 'cifar100'], [1], ['fashion/one', '100/one']), [runs])
  const folder = join(runs, 'published')
  await publishEvidence(
    planned.filter(({ state }) => state === 'finished'),
    folder,
  )
  t.same((await gatherRuns([folder])).sort(), [join(folder, 'one-seed-1'), join(folder, 'one-seed-1-xla-fp32')])
  const tables = await readFile(join(folder, 'tables.md'), 'utf8')
  t.match(tables, /\| ONE \| 8\.00 .* 1 \| [^|]*\| {2}\|\n/)
  t.match(tables, /\| ONE \| 7\.00 .* 1 \| [^|]*\| xla on gpu, fp32 \|\n/)
  t.notMatch(await readFile(join(folder, 'one-seed-1-xla-fp32/config.json'), 'utf8'), runs)
})

t.test('nothing to publish is said', async (t) => {
  await t.rejects(publishEvidence([], t.testdir()), { name: 'UserFault', message: /a finished run to publish/ })
})
