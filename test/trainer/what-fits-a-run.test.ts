/** A run used with what does not belong to it, from another place, and beyond its end. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { checkpointFolder } from '../../src/train/checkpoint/checkpoint.ts'
import { readSafetensors, readSafetensorsFile } from '../../src/train/checkpoint/safetensors.ts'
import { jpegOf } from '../datasets/made-images.ts'
import { prepareCall } from '../datasets/prepare-call.ts'
import { readRun } from './read-run.ts'
import { runCli, TINY_ARCHIVE, TRAIN_TINY } from './run-cli.ts'

t.setTimeout(300_000)
const cwd = t.testdir({ elsewhere: {} })

/** Shards of small pictures, `images` a class. */
async function shardsOf(name: string, classes: readonly string[], input = {}): Promise<void> {
  for (const [label, one] of classes.entries()) {
    mkdirSync(join(cwd, `${name}-photos`, one), { recursive: true })
    for (let image = 0; image < 6; image++) {
      writeFileSync(join(cwd, `${name}-photos`, one, `${image}.jpg`), await jpegOf(10 * label + image, 40, 36))
    }
  }
  const usual = { height: 32, width: 32, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] }
  await prepareCall(join(cwd, `${name}-photos`), join(cwd, name), { validation: 0.34, input: { ...usual, ...input } })
}

await shardsOf('animals', ['ant', 'bee', 'cat'])
await shardsOf('others', ['ant', 'beetle', 'cow'])
await shardsOf('more', ['ant', 'bee', 'cat', 'dog'])
await shardsOf('brighter', ['ant', 'bee', 'cat'], { mean: [0.6, 0.5, 0.5] })

const PICTURES = ['train', '--network', 'resnet-8', '--dataset', 'image-folder', '--batch', '6'] as const
const trained = await runCli([...PICTURES, '--data', 'animals', '--epochs', '1', '--out', 'run'], { cwd })
t.equal(trained.code, 0, trained.stderr)

t.test('images of other classes, another order, number or colours are refused, both sides named', async (t) => {
  for (const [data, says] of [
    [
      'others',
      /3 classes there and 3 here; class 1 is "bee" there and "beetle" here; class 2 is "cat" there and "cow" here/,
    ],
    ['more', /3 classes there and 4 here; class 3 is none there and "dog" here/],
    ['brighter', /mean of the colours \[0\.5,0\.5,0\.5\] there and \[0\.6,0\.5,0\.5\] here/],
  ] as const) {
    for (const command of [
      ['evaluate', 'run'],
      ['robustness', 'run', '--directions', '1', '--steps', '1'],
    ]) {
      const { code, stdout, stderr } = await runCli([...command, '--data', data], { cwd })
      t.equal(code, 2, stderr)
      t.match(stderr, says)
      t.match(
        stderr,
        new RegExp(`Expected the images that .*run/checkpoints/step-00000002 was trained on for ${data} `),
      )
      t.equal(stdout, '')
    }
  }
  const { code, stderr } = await runCli(['evaluate', 'run', '--data', 'animals'], { cwd })
  t.equal(code, 0, stderr)
})

t.test('a teacher of other classes is refused, as a run and as an export', async (t) => {
  const exported = await runCli(['export', 'run', '--out', 'teacher.safetensors'], { cwd })
  t.equal(exported.code, 0, exported.stderr)
  t.match((await readSafetensorsFile(join(cwd, 'teacher.safetensors'))).metadata, { classes: '["ant","bee","cat"]' })
  for (const teacher of ['run', 'teacher.safetensors']) {
    const kd = [...PICTURES, '--method', 'kd', '--teacher', teacher, '--epochs', '1']
    const refused = await runCli([...kd, '--data', 'others', '--out', 'student'], { cwd })
    t.equal(refused.code, 2, refused.stderr)
    t.match(
      refused.stderr,
      /Expected the images that the teacher .* was trained on .* class 1 is "bee" there and "beetle"/,
    )
    const taken = await runCli([...kd, '--data', 'animals', '--out', `student-of-${teacher}`], { cwd })
    t.equal(taken.code, 0, taken.stderr)
    const config = JSON.parse(readFileSync(join(cwd, `student-of-${teacher}`, 'config.json'), 'utf8'))
    t.equal(config.teacherNetwork, 'resnet-8', 'the file says its network too')
  }
})

t.test('a configuration of another network does not take the weights', async (t) => {
  const path = join(cwd, 'run', 'config.json')
  const whole = readFileSync(path, 'utf8')
  writeFileSync(path, whole.replace('"branches": 3', '"branches": 2'))
  for (const command of ['evaluate', 'export', 'resume']) {
    const { code, stderr } = await runCli([command, 'run'], { cwd })
    t.equal(code, 2, stderr)
    t.match(stderr, /branches (is )?3 there and 2 here/)
  }
  writeFileSync(path, whole)
})

t.test('a run is used from any folder, and after its images have moved', async (t) => {
  const evaluate = (...options: string[]) =>
    runCli(['evaluate', '../run', '--json', ...options], { cwd: join(cwd, 'elsewhere') })
  const first = await evaluate()
  t.equal(first.code, 0, first.stderr)
  renameSync(join(cwd, 'animals'), join(cwd, 'moved'))
  const lost = await evaluate()
  t.equal(lost.code, 2)
  t.match(lost.stderr, /neither .*\/animals, where they were, nor data\/image-folder\nName the place .* --data\.\n/)
  const found = await evaluate('--data', '../moved')
  t.equal(found.code, 0, found.stderr)
  const rates = ({ stdout }: { stdout: string }) => ({ ...JSON.parse(stdout), images_per_second: 0 })
  t.same(rates(found), rates(first))
  mkdirSync(join(cwd, 'elsewhere', 'data'))
  renameSync(join(cwd, 'moved'), join(cwd, 'elsewhere', 'data', 'image-folder'))
  const usual = await evaluate()
  t.equal(usual.code, 0, usual.stderr)
})

t.test('a finished run says so, and trains longer where that is asked for', async (t) => {
  const tiny = [...TRAIN_TINY, '--method', 'vanilla', '--schedule', 'constant']
  for (const [out, epochs] of [
    ['short', '1'],
    ['long', '2'],
  ] as const) {
    const ended = await runCli([...tiny, '--epochs', epochs, '--out', out], { cwd })
    t.equal(ended.code, 0, ended.stderr)
  }
  const again = await runCli(['resume', 'short'], { cwd })
  t.match(again, { code: 0, stderr: /The run is finished: 1 of 1 epochs are trained.*resume short --epochs 2, say/s })
  for (const [epochs, says] of [
    ['1', /more than the 1 epochs of short for --epochs but received 1/],
    ['many', /a whole number from 1 for --epochs but received many/],
  ] as const) {
    const refused = await runCli(['resume', 'short', '--epochs', epochs], { cwd })
    t.match(refused, { code: 2, stderr: says })
  }
  const longer = await runCli(['resume', 'short', '--epochs', '2'], { cwd })
  t.match(longer, { code: 0, stderr: /2 epochs long instead of 1: as it would have been with --epochs 2/ })
  const [one, two] = [join(cwd, 'short'), join(cwd, 'long')]
  const weights = (run: string) => readSafetensors(join(checkpointFolder(run, 20), 'model.safetensors'))
  t.same(await weights(one), await weights(two), 'to the same weights')
  const steps = async (run: string) => (await readRun(run, 20)).metrics.filter(({ kind }) => kind === 'step')
  t.same(await steps(one), await steps(two), 'and losses')
  t.match(JSON.parse(readFileSync(join(one, 'config.json'), 'utf8')), { epochs: 2, data: TINY_ARCHIVE })
  t.match(await runCli(['resume', 'short'], { cwd }), { code: 0, stderr: /finished: 2 of 2 epochs/ })
})

t.test('a schedule that falls is stretched from where the run is, in words', async (t) => {
  const ended = await runCli([...TRAIN_TINY, '--method', 'vanilla', '--epochs', '2', '--out', 'falling'], { cwd })
  t.equal(ended.code, 0, ended.stderr)
  const longer = await runCli(['resume', 'falling', '--epochs', '3'], { cwd })
  t.equal(longer.code, 0, longer.stderr)
  t.match(
    longer.stderr,
    /3 epochs long instead of 2: from here its step schedule is that of 3 epochs \(learning rate 0\.01, after 0\.001 in the step before\)/,
  )
  const rates = (await readRun(join(cwd, 'falling'), 30)).metrics.flatMap((line) =>
    line.kind === 'step' ? [Number(line.lr.toPrecision(6))] : [],
  )
  t.same([...new Set(rates)], [0.1, 0.01, 0.001], 'rates there were')
  t.same(rates.slice(19, 24), [0.001, 0.01, 0.01, 0.01, 0.001])
})

t.test('what cannot be made longer says why', async (t) => {
  const steps = await runCli([...TRAIN_TINY, '--method', 'vanilla', '--steps', '2', '--out', 'steps'], { cwd })
  t.equal(steps.code, 0, steps.stderr)
  t.match(await runCli(['resume', 'steps'], { cwd }), { code: 0, stderr: /finished: 2 of 2 steps/ })
  t.match(await runCli(['resume', 'steps', '--epochs', '9'], { cwd }), { code: 2, stderr: /a run counted in epochs/ })
})

t.test('too few images a replica for batch norm are refused before any work', async (t) => {
  for (const [batch, devices] of [
    ['1', 'cpu'],
    ['2', 'cpu:2'],
  ] as const) {
    const options = ['--batch', batch, '--devices', devices, '--steps', '2', '--out', 'lonely']
    const { code, stderr } = await runCli([...TRAIN_TINY, ...options], { cwd })
    t.equal(code, 2, stderr)
    t.match(
      stderr,
      /2 or more values of each channel for batch norm .* received 1, from 1 image a replica\n.*larger --batch/,
    )
  }
  const [deep, small] = [
    ['--network', 'imagenet-resnet-18'],
    ['--image-size', '32', '--batch', '1', '--out', 'lonely'],
  ]
  const data = ['--data', 'others', '--method', 'vanilla', '--epochs', '1']
  const photographs = await runCli([...PICTURES, ...deep, ...small, ...data], { cwd })
  t.match(photographs, { code: 2, stderr: /from 1 image a replica/ }, 'where the last maps are of one pixel')
  const plain = await runCli([...TRAIN_TINY, '--method', 'vanilla', '--batch', '1', '--steps', '2', '--out', 'one'], {
    cwd,
  })
  t.equal(plain.code, 0, `maps of more pixels have statistics: ${plain.stderr}`)
})
