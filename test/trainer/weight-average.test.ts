/** `--ema`: averages from the first step on, in checkpoints, on resume, exported and evaluated. */
import { join } from 'node:path'
import t from 'tap'
import { checkpointFolder, loadCheckpoint } from '../../src/train/checkpoint/checkpoint.ts'
import { readSafetensors } from '../../src/train/checkpoint/safetensors.ts'
import { fixturePath } from '../fixtures-folder.ts'
import { distanceOfScale } from '../support/compare-tensors.ts'
import { readRun } from './read-run.ts'
import { rewindRun } from './rewind-run.ts'
import { runCli, TRAIN_TINY } from './run-cli.ts'

const STEPS = 14
const DECAY = 0.8
const INIT = fixturePath('pytorch/one-resnet8.init.safetensors')
t.setTimeout(300_000)

t.test('averages of the weights', async (t) => {
  const cwd = t.testdir()
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await runCli(args, { cwd })
    if (code !== 0) throw new Error(stderr)
    return stdout
  }
  const always = [...TRAIN_TINY, '--devices', 'cpu:2', '--init', INIT, '--ema', `${DECAY}`, '--lr', '0.05']
  const tensorsOf = async (folder: string, step: number) =>
    (await loadCheckpoint(checkpointFolder(join(cwd, folder), step))).tensors

  await run(...always, '--steps', '1', '--no-decay', 'norm', '--out', 'first')
  const { model, optimizer } = await tensorsOf('first', 1)
  const before = new Map((await readSafetensors(INIT)).map(({ name, data }) => [name, data]))
  for (const { name, data } of model) {
    const [kept, start] = [optimizer.get(`ema.${name}`), before.get(name)]
    t.equal(kept === undefined, /\.running_(mean|var)$/.test(name), name)
    if (kept === undefined) continue
    const wanted = data.map((weight, at) => DECAY * (start?.[at] ?? Number.NaN) + (1 - DECAY) * weight)
    t.ok(distanceOfScale(kept, wanted) < 1e-6, `${name} after the first step`)
  }

  await run(...always, '--steps', `${STEPS}`, '--checkpoint-steps', '3', '--keep', '9', '--out', 'whole')
  const from = await rewindRun(join(cwd, 'whole'), join(cwd, 'again'), 9)
  await run('resume', 'again')
  t.same(
    await readRun(join(cwd, 'again'), STEPS),
    await readRun(join(cwd, 'whole'), STEPS),
    `resumed from step ${from}`,
  )

  await run('export', 'whole', '--ema', '--member', '1')
  await run('export', 'whole', '--member', '1')
  const tensors = await tensorsOf('whole', STEPS)
  const exported = await readSafetensors(join(cwd, 'whole', 'branch-1-ema.safetensors'))
  const plain = await readSafetensors(join(cwd, 'whole', 'branch-1.safetensors'))
  t.same(
    exported.map(({ name }) => name),
    plain.map(({ name }) => name),
  )
  for (const [place, { name, data }] of exported.entries()) {
    const kept = tensors.optimizer.get(`ema.${name}`) ?? tensors.optimizer.get(`ema.branches.1.${name}`)
    t.same(data, kept ?? plain[place]?.data, name)
  }

  const errors = async (...more: string[]) => JSON.parse(await run('evaluate', 'whole', '--json', ...more))
  const [average, weights] = [await errors('--ema'), await errors()]
  t.equal(average.images, 40)
  t.not(JSON.stringify(average.top1_error), JSON.stringify(weights.top1_error))
})

t.test('a run without averages has none to take', async (t) => {
  const cwd = t.testdir()
  await runCli([...TRAIN_TINY, '--steps', '1', '--out', 'run'], { cwd })
  for (const command of ['evaluate', 'export']) {
    const { code, stderr } = await runCli([command, 'run', '--ema'], { cwd })
    t.equal(code, 2)
    t.match(stderr, /Expected a run that was trained with --ema for --ema but received/)
  }
})
