import { mkdir, readdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { commandFor, planEvidence } from '../../bench/evidence-plan.ts'
import { evidenceJobs } from '../../bench/evidence-sets.ts'
import { tellProgress, tellState } from '../../bench/evidence-words.ts'
import { makeConfig } from '../../src/config/make-config.ts'
import { SUCCESSOR_NAMES } from '../../src/config/recipes/successors.ts'
import { runFiles } from '../../src/report/run-files.ts'
import { checkpointFolder } from '../../src/train/checkpoint/checkpoint.ts'
import { evalLine } from '../report/made-up-run.ts'

const JOBS = evidenceJobs(['fashion'], [1, 2], ['vanilla', 'fashion/one'])

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
  const planned = await planEvidence(JOBS, [runs])
  const fresh = join(runs, 'fashion/one-seed-2')
  t.match(planned, [
    { recipe: 'fashion/vanilla', seed: 1, out: finished, state: 'finished' },
    { recipe: 'fashion/one', seed: 1, out: cut, state: 'cut' },
    { recipe: 'fashion/vanilla', seed: 2, out: stub, state: 'stub' },
    { recipe: 'fashion/one', seed: 2, out: fresh, state: 'new' },
  ])
  t.equal(planned.length, 4)
  t.same(await readdir(stub), ['config.json'], 'planning leaves everything as it is')
  const commands = planned.slice(1).map(commandFor)
  t.same(commands, [
    ['resume', cut],
    ['resume', stub],
    ['train', 'fashion/one', '--seed', '2', '--out', fresh],
  ])
})

t.test('the list tells finished runs from cut ones, and how far they are', async (t) => {
  const runs = t.testdir()
  await leaveRun(runs, 'fashion/vanilla', 1, { epochs: 15 })
  const cut = await leaveRun(runs, 'fashion/one', 1, { epochs: 14 })
  await writeFile(join(cut, 'run.lock'), '')
  const planned = await planEvidence(JOBS, [runs])
  t.same(
    planned.map((evidence) => [evidence.name, tellState(evidence)]),
    [
      ['fashion/vanilla-seed-1', 'finished'],
      ['fashion/one-seed-1', 'cut, can go on (locked)'],
      ['fashion/vanilla-seed-2', 'to do'],
      ['fashion/one-seed-2', 'to do'],
    ],
  )
  t.same(planned.map(tellProgress), ['errors -2.00 %, ensemble -3.75 %', '14 of 15 epochs', '', ''])
})

t.test('runs are known by their settings: any folder, any recipe of the same row, any executor', async (t) => {
  const runs = t.testdir({ new: {}, brought: {} })
  const [fresh, brought] = [join(runs, 'new'), join(runs, 'brought')]
  const jobs = evidenceJobs(['cifar100'], null, ['one-scale-0.1', 'cifar100/vanilla-scale'])
  t.equal(jobs.length, 6)
  const short = { scale: 0.1 }
  await leaveRun(brought, 'table1/resnet-32-one-cifar100', 1, { epochs: 30, saved: false, settings: short })
  const gpu = { ...short, devices: 'gpu', precision: 'bf16' }
  const onGpu = await leaveRun(join(brought, 'gpu'), 'cifar100/one', 1, { epochs: 30, saved: false, settings: gpu })
  const half = await leaveRun(brought, 'table6/resnet-32-branches-1', 2, { epochs: 9, saved: false, settings: short })
  await rename(half, join(brought, 'half'))
  await leaveRun(brought, 'cifar100/one', 3, { epochs: 30, settings: { scale: 0.2 } })

  const planned = await planEvidence(jobs, [fresh, brought])
  const told = planned.filter(({ run }) => run !== null).map(({ name, out, state }) => [name, out, state])
  t.same(told, [
    ['cifar100/one-scale-0.1-seed-1', onGpu, 'finished'],
    ['cifar100/one-scale-0.1-seed-1', join(brought, 'table1/resnet-32-one-cifar100-seed-1'), 'finished'],
    ['cifar100/vanilla-scale-0.1-seed-2', join(brought, 'half'), 'elsewhere'],
  ])
  const cut = planned.find(({ state }) => state === 'elsewhere')
  if (cut === undefined) throw new Error('Expected a run that was cut')
  t.throws(() => commandFor(cut), { name: 'UserFault', message: /a checkpoint in .*half/ })
  t.same((await readdir(join(brought, 'half'))).length, 2, 'its metrics stay')

  const given = { data: 'images', devices: 'gpu', precision: 'bf16' }
  const wanted = await planEvidence(jobs, [fresh, brought], given)
  t.same(
    wanted.filter(({ state }) => state !== 'new').map(({ out }) => out),
    [onGpu],
    'where devices and precision are given, others do not count',
  )
  const [first] = wanted
  if (first === undefined) throw new Error('Expected a run to train')
  const out = join(fresh, 'cifar100/vanilla-scale-0.1-seed-1')
  t.same(commandFor(first), [
    ...['train', 'cifar100/vanilla', '--scale', '0.1', '--seed', '1', '--out', out],
    ...['--data', 'images', '--devices', 'gpu', '--precision', 'bf16'],
  ])
})

t.test('cifar100: the order of its runs', (t) => {
  const names = evidenceJobs(['cifar100'], null, null).map(({ name }) => name.replace('cifar100/', ''))
  t.same(names.slice(0, 2), ['vanilla-scale-0.1-seed-1', 'one-scale-0.1-seed-1'])
  t.equal(names.indexOf('no-distillation-scale-0.1-seed-1'), 6, 'parts of ONE after three seeds of both')
  t.same(names.slice(12, 14), ['vanilla-seed-1', 'one-seed-1'], 'then the whole schedule')
  t.same(names.slice(14), [
    ...['kd', 'dml', 'snapshot', 'ensemble-2', 'ensemble-3', 'no-sharing'].map((name) => `${name}-scale-0.1-seed-1`),
    ...[2, 4, 5].map((branches) => `branches-${branches}-scale-0.1-seed-1`),
    ...SUCCESSOR_NAMES.map((name) => `${name}-scale-0.1-seed-1`),
  ])
  t.end()
})

t.test('rows of equal settings are trained once', (t) => {
  const recipes = evidenceJobs(['fashion'], [1], null).map(({ recipe }) => recipe)
  t.ok(recipes.includes('fashion/one'))
  t.notOk(recipes.includes('fashion/one-e'))
  t.end()
})

t.test('a folder with a run of other settings is left alone', async (t) => {
  const runs = t.testdir()
  await leaveRun(runs, 'fashion/one', 1, { epochs: 15, settings: { learningRate: 0.2 } })
  await t.rejects(planEvidence(JOBS, [runs]), { name: 'UserFault', message: /fashion\/one as it is now/ })
})

t.test('what there is not is refused', (t) => {
  t.throws(() => evidenceJobs(['fasion'], null, null), { name: 'UserFault', message: /--set .* fasion/ })
  t.throws(() => evidenceJobs(['fashion'], null, ['two']), { name: 'UserFault', message: /--only .* two/ })
  t.end()
})
