/** Shards of `prepare --validation 0`: they are trained on, and no error is made up. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { jpegOf } from '../datasets/made-images.ts'
import { prepareCall } from '../datasets/prepare-call.ts'
import { startCli } from './run-cli.ts'

t.setTimeout(300_000)

const cwd = t.testdir({})
for (const [place, name] of ['a', 'b'].entries()) {
  mkdirSync(join(cwd, 'in', name), { recursive: true })
  writeFileSync(join(cwd, 'in', name, '0.jpg'), await jpegOf(place))
}
await prepareCall(join(cwd, 'in'), join(cwd, 'shards'), { validation: 0 })
const train = (...more: string[]) =>
  startCli(
    ['train', '--network', 'resnet-8', '--dataset', 'image-folder', '--data', 'shards', '--batch', '2', ...more],
    { cwd },
  ).ended

t.test('trained to the end, without an evaluation', async (t) => {
  const { code, stderr } = await train('--branches', '2', '--epochs', '2', '--out', 'run')
  t.equal(code, 0, stderr)
  t.match(stderr, /the shards have no test images/)
  const kinds = readFileSync(join(cwd, 'run', 'metrics.jsonl'), 'utf8')
    .trim()
    .split('\n')
  t.notOk(kinds.some((line) => line.includes('"kind":"eval"')))
  t.match(await startCli(['evaluate', 'run'], { cwd }).ended, {
    code: 2,
    stderr: /test of image-folder but received 0\n.*--split train/,
  })
  t.match(await startCli(['evaluate', 'run', '--split', 'train'], { cwd }).ended, { code: 0, stdout: /of 2 images/ })
})

t.test('snapshots are compared on test images: refused before the first step', async (t) => {
  const { code, stderr } = await train('--method', 'snapshot', '--snapshots', '2', '--epochs', '2', '--out', 'other')
  t.equal(code, 2)
  t.match(stderr, /^error: Expected test images to compare snapshots on/m)
})
