import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { jpegOf, oddImages } from '../datasets/made-images.ts'
import { readRun } from './read-run.ts'
import { runCli } from './run-cli.ts'

t.setTimeout(580_000)

const cwd = t.testdir({ photos: { ant: {}, bee: {}, 'big cat': {} } })
for (const [place, name] of ['ant', 'bee', 'big cat'].entries()) {
  for (let image = 0; image < 5; image++) {
    writeFileSync(join(cwd, 'photos', name, `${image}.jpg`), await jpegOf(10 * place + image, 70, 50))
  }
}
// PNG, WebP, GIF, CMYK, grey, tiny, huge: whatever a folder holds is trained on.
for (const { name, bytes } of await oddImages()) writeFileSync(join(cwd, 'photos', 'bee', name), bytes)

const TRAIN = [
  ...['train', '--network', 'imagenet-resnet-18', '--dataset', 'image-folder', '--data', 'shards'],
  ...['--batch', '8', '--steps', '3', '--log-every', '1'],
] as const

t.test('from a folder of pictures to a trained network', async (t) => {
  const prepared = await runCli(['prepare', 'photos', 'shards', '--input', '32', '--processes', '1'], { cwd })
  t.equal(prepared.code, 0, prepared.stderr)
  for (const workers of ['1', '2']) {
    const out = `run-${workers}`
    const { code, stderr } = await runCli([...TRAIN, '--decode-workers', workers, '--out', out], { cwd })
    t.equal(code, 0, stderr)
  }
  const [one, two] = [await readRun(join(cwd, 'run-1'), 3), await readRun(join(cwd, 'run-2'), 3)]
  t.same(two, one, 'whatever the number of decode workers')
  const losses = one.metrics.flatMap((line) => (line.kind === 'step' ? [line.loss] : []))
  t.equal(losses.length, 3)
  t.ok(losses.every(Number.isFinite), losses.join())
  const { code, stdout, stderr } = await runCli(['evaluate', 'run-1', '--json'], { cwd })
  t.equal(code, 0, stderr)
  t.match(JSON.parse(stdout), { images: 4 })
  const config = JSON.parse(readFileSync(join(cwd, 'run-1', 'config.json'), 'utf8'))
  t.match(config, { dataset: 'image-folder', data: join(cwd, 'shards') }, 'for use from any folder')
})

t.test('a changed byte of a shard ends the run, with the image named', async (t) => {
  const path = join(cwd, 'shards', 'train-00000.shard')
  const whole = readFileSync(path)
  const damaged = Buffer.from(whole)
  // Every image of the shard, so that the first batch has one.
  for (let at = 500; at < damaged.length; at += 100) damaged[at] = (damaged[at] ?? 0) ^ 1
  writeFileSync(path, damaged)
  const { code, stderr } = await runCli([...TRAIN, '--out', 'run-damaged'], { cwd })
  writeFileSync(path, whole)
  t.equal(code, 2, stderr)
  t.match(stderr, /train-00000\.shard/)
  t.match(stderr, /prepare --verify/)
})

t.test('images that are not prepared are refused, with the remedy', async (t) => {
  mkdirSync(join(cwd, 'tars'))
  writeFileSync(join(cwd, 'tars', 'ILSVRC2012_img_train.tar'), '')
  for (const [dataset, data] of [
    ['image-folder', 'photos'],
    ['imagenet', 'tars'],
    ['imagenet', 'tars/ILSVRC2012_img_train.tar'],
    ['imagenet', 'none'],
  ] as const) {
    const argv = [
      'train',
      '--network',
      'imagenet-resnet-18',
      '--dataset',
      dataset,
      '--data',
      data,
      '--out',
      'none-made',
    ]
    t.match(await runCli(argv, { cwd }), { code: 2, stderr: /native-ensemble prepare/ }, data)
  }
  const other = ['train', '--network', 'imagenet-resnet-18', '--dataset', 'imagenet', '--data', 'shards']
  t.match(await runCli(other, { cwd }), { code: 2, stderr: /first class is ant\)[\s\S]*--dataset image-folder/ })
})
