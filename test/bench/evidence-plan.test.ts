import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { commandFor, planEvidence } from '../../bench/evidence-plan.ts'
import { checkpointFolder } from '../../src/checkpoint/checkpoint.ts'
import { makeConfig } from '../../src/config/make-config.ts'
import { runFiles } from '../../src/report/run-files.ts'
import { evalLine } from '../report/made-up-run.ts'

const SET = { sets: ['fashion'], only: ['vanilla', 'one'], seeds: [1, 2] }

/** A run folder as training leaves it after some epochs, with a checkpoint where `saved` says so. */
async function leaveRun(runs: string, recipe: string, seed: number, { epochs = 0, saved = true, settings = {} }) {
  const out = join(runs, `${recipe}-seed-${seed}`)
  await mkdir(out, { recursive: true })
  const files = runFiles(out)
  await writeFile(files.config, JSON.stringify(await makeConfig(recipe, { seed, out, ...settings })))
  const lines = Array.from({ length: epochs }, (_, epoch) => `${JSON.stringify(evalLine(epoch))}\n`)
  if (epochs > 0) await writeFile(files.metrics, lines.join(''))
  if (saved) await mkdir(checkpointFolder(out, 10 * epochs), { recursive: true })
  return out
}

t.test('a set is planned seed by seed, finished runs are skipped, cut ones go on', async (t) => {
  const runs = t.testdir()
  const finished = await leaveRun(runs, 'fashion/vanilla', 1, { epochs: 15, settings: { keep: 9 } })
  const cut = await leaveRun(runs, 'fashion/one', 1, { epochs: 14 })
  const stub = await leaveRun(runs, 'fashion/vanilla', 2, { saved: false })
  const planned = await planEvidence({ ...SET, runs })
  const fresh = join(runs, 'fashion/one-seed-2')
  t.same(planned, [
    { recipe: 'fashion/vanilla', seed: 1, out: finished, state: 'finished' },
    { recipe: 'fashion/one', seed: 1, out: cut, state: 'cut' },
    { recipe: 'fashion/vanilla', seed: 2, out: stub, state: 'stub' },
    { recipe: 'fashion/one', seed: 2, out: fresh, state: 'new' },
  ])
  t.same(await readdir(stub), ['config.json'], 'planning leaves everything as it is')
  const commands = await Promise.all(planned.slice(1).map(commandFor))
  t.same(commands, [
    ['resume', cut],
    ['train', 'fashion/vanilla', '--seed', '2', '--out', stub],
    ['train', 'fashion/one', '--seed', '2', '--out', fresh],
  ])
  await t.rejects(readdir(stub), 'a run that holds no result is begun anew')
})

t.test('rows of equal settings are trained once', async (t) => {
  const planned = await planEvidence({ ...SET, only: ['one', 'one-e'], seeds: [1], runs: t.testdir() })
  t.same(
    planned.map(({ recipe }) => recipe),
    ['fashion/one'],
  )
})

t.test('a folder with a run of other settings is left alone', async (t) => {
  const runs = t.testdir()
  await leaveRun(runs, 'fashion/one', 1, { epochs: 15, settings: { learningRate: 0.2 } })
  await t.rejects(planEvidence({ ...SET, runs }), { name: 'UserFault', message: /fashion\/one as it is now/ })
})

t.test('what there is not is refused', async (t) => {
  const runs = t.testdir()
  await t.rejects(planEvidence({ ...SET, sets: ['fasion'], runs }), { name: 'UserFault', message: /--set .* fasion/ })
  await t.rejects(planEvidence({ ...SET, only: ['two'], runs }), { name: 'UserFault', message: /--only .* two/ })
})
