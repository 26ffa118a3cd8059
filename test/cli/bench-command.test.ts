/** `bench step` and `bench input`: what they print is consistent in itself, and nothing is written. */
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { makeConfig } from '../../src/config/make-config.ts'
import { describeDataset } from '../../src/data/datasets/describe-dataset.ts'
import { loadShards } from '../../src/data/datasets/load-shards.ts'
import { benchInput, type InputBenchmark } from '../../src/studies/bench-input.ts'
import { benchStep, type StepBenchmark } from '../../src/studies/bench-step.ts'
import { spreadOf } from '../../src/studies/spread.ts'
import { jpegOf } from '../datasets/made-images.ts'
import { prepareCall } from '../datasets/prepare-call.ts'
import { runCli } from '../trainer/run-cli.ts'

t.setTimeout(300_000)

const cwd = t.testdir({ photos: { cat: {}, dog: {} }, empty: {} })
for (const [place, name] of ['cat', 'dog'].entries()) {
  for (let image = 0; image < 8; image++) {
    writeFileSync(join(cwd, 'photos', name, `${image}.jpg`), await jpegOf(10 * place + image))
  }
}
await prepareCall(join(cwd, 'photos'), join(cwd, 'shards'))
const bytes = ['cat', 'dog'].flatMap((name) =>
  readdirSync(join(cwd, 'photos', name)).map((file) => statSync(join(cwd, 'photos', name, file)).size),
)
const empty = join(cwd, 'empty')
mkdirSync(empty, { recursive: true })

t.test('median of an odd and an even number of measurements', async (t) => {
  t.same(spreadOf([3, 1, 2]), { median: 2, min: 1, max: 3 })
  t.same(spreadOf([4, 1, 2, 8]), { median: 3, min: 1, max: 8 })
})

t.test('bench step', async (t) => {
  const options = ['--dataset', 'cifar10', '--batch', '16', '--devices', 'cpu:2', '--seconds', '1', '--rounds', '3']
  const ended = await runCli(['bench', 'step', 'resnet-8', ...options, '--json'], { cwd: empty })
  t.equal(ended.code, 0, ended.stderr)
  const result: StepBenchmark = JSON.parse(ended.stdout)
  t.match(result, { network: 'resnet-8', method: 'one', branches: 3, batch: 16, replicas: 2, classes: 10 })
  t.match(result.input, { height: 32, width: 32, channels: 3 })
  const { step_ms: times, images_per_second: rates } = result
  t.ok(times.min > 0 && times.min <= times.median && times.median <= times.max)
  t.ok(Math.abs((rates.median * times.median) / 16_000 - 1) < 1e-9, 'one is the inverse of the other')
  t.ok(result.steps_per_round >= 1 && result.first_step_seconds > 0)
  t.ok(result.peak_memory_bytes > 30e6)
  t.same(readdirSync(empty), [], 'nothing was written, and no images were needed')
})

t.test('bench input', async (t) => {
  const options = ['--threads', '2,1', '--batch', '4', '--seconds', '1', '--rounds', '1', '--consume', '8']
  const ended = await runCli(['bench', 'input', '../shards', ...options, '--json'], { cwd: empty })
  t.equal(ended.code, 0, ended.stderr)
  const result: InputBenchmark = JSON.parse(ended.stdout)
  const images = (await loadShards('image-folder', join(cwd, 'shards'))).train.count
  t.match(result, { images, batch: 4, consume: 8, rounds: 1, input: { height: 32, width: 32 } })
  t.ok(result.bytes > 0 && result.bytes <= bytes.reduce((sum, size) => sum + size, 0))
  t.same(
    result.figures.map(({ threads }) => threads),
    [2, 1],
  )
  for (const { images_per_second, read_mb_per_second, threads_waiting, step_waiting } of result.figures) {
    // A step of 8 images/s takes 4 images each half second, and no more.
    t.ok(images_per_second.median > 0 && images_per_second.median <= 8.5, `${images_per_second.median}`)
    const read = (images_per_second.median * result.bytes) / images / 1e6
    t.ok(Math.abs(read_mb_per_second / read - 1) < 1e-9)
    t.ok(threads_waiting >= 0 && threads_waiting <= 1)
    t.ok(step_waiting !== null && step_waiting >= 0 && step_waiting <= 1)
  }
  const printed = await runCli(['bench', 'input', '../shards', ...options.slice(0, 8)], { cwd: empty })
  t.match(printed.stdout, /^threads +images\/s +min +max +MB\/s read +threads wait %$/m, printed.stderr)
  t.notMatch(printed.stdout, /step waits/)
  t.same(readdirSync(empty), [])
})

t.test('a step that takes more than the threads give waits', async (t) => {
  const dataset = await loadShards('image-folder', join(cwd, 'shards'))
  const stop = new AbortController().signal
  const options = { threads: [1], batch: 4, rounds: 1, seconds: 1, consume: 1e6, stop }
  const result = await benchInput(dataset, options)
  if (result === 'interrupted') throw new Error('Expected a result but it was interrupted')
  const [figures] = result.figures
  const busy = (figures?.images_per_second.median ?? 0) / 1e6
  t.ok(Math.abs((figures?.step_waiting ?? 0) + busy - 1) < 0.05, 'waiting and computing are all of its time')
})

t.test('both end early where they are told to', async (t) => {
  const dataset = await loadShards('image-folder', join(cwd, 'shards'))
  const input = new AbortController()
  const ended = benchInput(dataset, {
    ...{ threads: [1], batch: 4, rounds: 1000, seconds: 1, consume: null, stop: input.signal },
    onRound: () => input.abort(),
  })
  t.equal(await ended, 'interrupted')
  const config = await makeConfig(null, { network: 'resnet-8', dataset: 'cifar10', batch: 8, out: empty })
  const step = new AbortController()
  const options = { rounds: 1000, seconds: 1, stop: step.signal, onRound: () => step.abort() }
  t.equal(await benchStep(config, await describeDataset(config), options), 'interrupted')
})

t.test('a call that cannot be has its remedy', async (t) => {
  const cases: [argv: string[], says: RegExp][] = [
    [['stpe'], /one of input, step for the command but received stpe\nDid you mean step\?/],
    [['step', 'resnt-8'], /Did you mean resnet-8\?/],
    [['step', 'resnet-8', '--bach', '3'], /an option of bench step but received --bach\nDid you mean --batch\?/],
    [['step', 'resnet-8', '--rounds', '0'], /from 1 to 1000 for --rounds but received 0/],
    [['input', 'shards', '--threads', '1,x'], /for --threads but received 1,x\nWrite --threads 1,2,4/],
    [['input', '.'], /Expected shards that `prepare` made for \./],
    [['input', '../shards', '--batch', '999'], /at least 999 images/],
  ]
  for (const [argv, says] of cases) t.match(await runCli(['bench', ...argv], { cwd: empty }), { code: 2, stderr: says })
})
