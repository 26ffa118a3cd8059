/** What can be done with a finished run. */
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { type EvalLine, readMetrics, type StepLine } from '../../src/report/metrics.ts'
import { runFiles } from '../../src/report/run-files.ts'
import { checkpointFolder, loadCheckpoint } from '../../src/train/checkpoint/checkpoint.ts'
import { readSafetensors } from '../../src/train/checkpoint/safetensors.ts'
import { fixturePath } from '../fixtures-folder.ts'
import { runCli, TRAIN_TINY } from './run-cli.ts'

const STEPS = 20
t.setTimeout(120_000)

const cwd = t.testdir()
const trained = await runCli([...TRAIN_TINY, '--steps', `${STEPS}`, '--out', 'run', '--json'], { cwd })
t.equal(trained.code, 0, trained.stderr)
const files = runFiles(join(cwd, 'run'))
const metrics = await readMetrics(files.metrics)
const evaluations = metrics.filter((line): line is EvalLine => line.kind === 'eval')

t.test('train --json prints the last evaluation', async (t) => {
  t.same(JSON.parse(trained.stdout), { run: 'run', evaluation: evaluations.at(-1) })
})

t.test('epoch lines are means over the steps', async (t) => {
  const epochs = metrics.filter(({ kind }) => kind === 'epoch')
  t.equal(epochs.length, 2)
  for (const line of epochs) {
    const steps = metrics.filter((one): one is StepLine => one.kind === 'step' && one.epoch === line.epoch)
    t.equal(steps.length, 10)
    const mean = steps.reduce((sum, { loss }) => sum + loss, 0) / steps.length
    if (line.kind !== 'epoch') continue
    t.ok(Math.abs(line.loss - mean) < 1e-9 * mean)
    // 160 images, three branches and a teacher: whole numbers of hits.
    const errors = [...(line.top1_error?.branches ?? []), line.top1_error?.teacher ?? Number.NaN]
    t.equal(errors.length, 4)
    for (const error of errors) t.ok(error >= 0 && error <= 100 && Number.isInteger(error * 1.6), `${error} %`)
  }
  for (const line of metrics) {
    if (line.kind === 'eval') continue
    const sum = Object.values(line.parts).reduce((total, part) => total + part, 0)
    t.ok(Math.abs(line.loss - sum) < 1e-6 * sum, `the parts of ${line.kind} ${line.step} sum to its loss`)
  }
})

t.test('--evaluate-every leaves evaluations out, never the last', async (t) => {
  const ended = await runCli([...TRAIN_TINY, '--epochs', '3', '--evaluate-every', '2', '--out', 'rarely'], { cwd })
  t.equal(ended.code, 0, ended.stderr)
  const lines = await readMetrics(runFiles(join(cwd, 'rarely')).metrics)
  t.same(
    lines.filter(({ kind }) => kind === 'eval').map(({ epoch }) => epoch),
    [1, 2],
  )
  t.equal(lines.filter(({ kind }) => kind === 'epoch').length, 3)
})

t.test('evaluate measures what the run measured', async (t) => {
  for (const [checkpoint, step] of [
    ['latest', 20],
    ['10', 10],
  ] as const) {
    const ended = await runCli(['evaluate', 'run', '--checkpoint', checkpoint, '--json'], { cwd })
    t.equal(ended.code, 0, ended.stderr)
    const wanted = evaluations.find((line) => line.step === step)
    t.match(JSON.parse(ended.stdout), { top1_error: wanted?.top1_error, top5_error: wanted?.top5_error, images: 40 })
  }
  const table = await runCli(['evaluate', 'run', '--split', 'train', '--devices', 'cpu:2'], { cwd })
  t.match(table.stdout, /^Training error after step 20, percent of 160 images\n +top-1 +top-5\n +branch 0 /)
})

t.test('export writes a branch as a plain network', async (t) => {
  const ended = await runCli(['export', 'run', '--branch', '1', '--out', 'branch.safetensors'], { cwd })
  t.equal(ended.code, 0, ended.stderr)
  const exported = await readSafetensors(join(cwd, 'branch.safetensors'))
  const plain = await readSafetensors(fixturePath('pytorch/vanilla-resnet8.init.safetensors'))
  t.same(
    exported.map(({ name, shape }) => [name, shape]),
    plain.map(({ name, shape }) => [name, shape]),
    'the names and shapes of the vanilla network',
  )
  const { tensors } = await loadCheckpoint(checkpointFolder(join(cwd, 'run'), STEPS))
  const ofRun = (name: string) => tensors.model.find((tensor) => tensor.name === name)?.data
  const ofBranch = (name: string) => exported.find((tensor) => tensor.name === name)?.data
  t.same(ofBranch('fc.weight'), ofRun('branches.1.fc.weight'))
  t.same(ofBranch('conv1.weight'), ofRun('conv1.weight'))

  const options = ['--method', 'vanilla', '--init', 'branch.safetensors', '--steps', '1']
  const again = await runCli([...TRAIN_TINY, ...options, '--out', 'plain'], { cwd })
  t.equal(again.code, 0, `a vanilla run begins from it: ${again.stderr}`)
})

t.test('report is written again from the metrics', async (t) => {
  const html = await readFile(files.report, 'utf8')
  await rm(files.report)
  t.match(await runCli(['report', 'run'], { cwd }), { code: 0, stdout: 'run/report.html\n' })
  t.equal(await readFile(files.report, 'utf8'), html)
})

t.test('TensorFlow.js trains to the same losses', async (t) => {
  const options = ['--method', 'vanilla', '--steps', '2', '--schedule', 'constant']
  const losses = await Promise.all(
    ['cpu', 'tfjs'].map(async (executor) => {
      const ended = await runCli([...TRAIN_TINY, ...options, '--executor', executor, '--out', executor], { cwd })
      t.equal(ended.code, 0, ended.stderr)
      const lines = await readMetrics(runFiles(join(cwd, executor)).metrics)
      return lines.flatMap((line) => (line.kind === 'step' ? [line.loss] : []))
    }),
  )
  const [ours = [], theirs = []] = losses
  t.equal(theirs.length, 2)
  for (const [step, loss] of theirs.entries()) {
    t.ok(Math.abs((ours[step] ?? Number.NaN) - loss) <= 1e-4 * loss, `step ${step}: ${ours[step]}, not ${loss}`)
  }
})
