/** Runs with mixed images: the same numbers on any executor, for any number of threads, stopped and resumed. */
import { join } from 'node:path'
import t from 'tap'
import { type GivenSettings, makeConfig, readConfig } from '../../src/config/make-config.ts'
import { readMetrics } from '../../src/report/metrics.ts'
import { ProgressDisplay } from '../../src/report/progress.ts'
import { runFiles } from '../../src/report/run-files.ts'
import { loadImages } from '../../src/train/run/load-images.ts'
import { resume, train } from '../../src/train/run/train.ts'
import { readRun } from './read-run.ts'
import { TINY_ARCHIVE } from './run-cli.ts'

const TINY = { network: 'resnet-8', dataset: 'cifar10', data: TINY_ARCHIVE, batch: 16, logEvery: 1 } as const
const STEPS = 14
t.setTimeout(580_000)
const cwd = t.testdir()

function hooksThatStopAt(text: string) {
  const stop = new AbortController()
  const write = (shown: string) => shown.includes(text) && stop.abort()
  return { display: new ProgressDisplay({ write }), stop: stop.signal }
}

async function trainTiny(name: string, settings: GivenSettings, stopAt = 'never shown') {
  const config = await makeConfig(null, { ...TINY, steps: STEPS, out: join(cwd, name), ...settings })
  return await train(config, loadImages(config), hooksThatStopAt(stopAt))
}

const losses = async (name: string) =>
  (await readMetrics(runFiles(join(cwd, name)).metrics)).flatMap((line) => (line.kind === 'step' ? [line.loss] : []))

for (const [name, mixing] of [
  ['mixup', { mixup: 0.2 }],
  ['cutmix', { cutmix: 1 }],
  ['both', { mixup: 1, cutmix: 1 }],
] as const) {
  t.test(name, async (t) => {
    const settings = { method: 'one', branches: 2, ...mixing }
    await trainTiny(`${name}-whole`, settings)
    const wanted = await readRun(join(cwd, `${name}-whole`), STEPS)
    await trainTiny(`${name}-threads`, { ...settings, decodeWorkers: 3 })
    t.same(await readRun(join(cwd, `${name}-threads`), STEPS), wanted, 'any number of decode threads')
    const stopped = await trainTiny(`${name}-stopped`, settings, 'step 5/')
    t.equal(stopped.ended, 'interrupted')
    const config = await readConfig(join(cwd, `${name}-stopped`))
    await resume(config, loadImages(config), hooksThatStopAt('never shown'))
    t.same(await readRun(join(cwd, `${name}-stopped`), STEPS), wanted, 'stopped and resumed')

    await trainTiny(`${name}-plain`, { method: 'one', branches: 2 })
    const [mixed, plain] = [await losses(`${name}-whole`), await losses(`${name}-plain`)]
    t.notSame(mixed, plain)
    t.ok(mixed.every(Number.isFinite))
  })
}

t.test('two replicas, and TensorFlow.js: the losses of the first steps', async (t) => {
  const settings = { method: 'vanilla', mixup: 1, cutmix: 1, steps: 3, learningRate: 0.01 } as const
  await trainTiny('cpu', settings)
  await trainTiny('tfjs', { ...settings, executor: 'tfjs' })
  const [wanted, given] = [await losses('cpu'), await losses('tfjs')]
  t.equal(wanted.length, 3)
  for (const [step, loss] of wanted.entries()) {
    t.ok(Math.abs(loss - (given[step] ?? Number.NaN)) < 1e-3, `step ${step + 1}: ${loss} and ${given[step]}`)
  }
  // Batch norm is per replica: only the finite end is compared, and that partners come from the whole batch.
  await trainTiny('replicas', { ...settings, devices: 'cpu:2' })
  const [first = Number.NaN] = await losses('replicas')
  t.ok(Math.abs(first - (wanted[0] ?? 0)) < 0.3, `${first} and ${wanted[0]}`)
})
