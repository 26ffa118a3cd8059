import t from 'tap'
import type { Baseline } from '../../bench/baselines/baseline-catalogue.ts'
import { summarise } from '../../bench/gpu-load.ts'
import { timeStep } from '../../bench/gpu-parts.ts'
import { planGpu } from '../../bench/gpu-plan.ts'

const baseline = (name: Baseline['name'], command: readonly string[] = []): Baseline => ({
  name,
  absence: null,
  remedy: '',
  command: () => command,
})

t.test('what is worth most comes first, and absent baselines are left out', (t) => {
  const names = planGpu({ device: 'gpu', baselines: [baseline('xla'), baseline('torch')], out: '.' }).map(
    ({ name }) => name,
  )
  const place = (words: RegExp) => names.findIndex((name) => words.test(name))
  const order = [
    /^the GPU/,
    /^check/,
    /^xla bf16, resnet-32/,
    /^torch bf16.*resnet-32/,
    /^training/,
    /^xla fp32/,
    /graphs 0$/,
  ]
  const places = [...order, /graphs CONCURRENT/, /resnet-110/, /imagenet-resnet-18, batch 256/].map(place)
  t.notOk(places.includes(-1), names.join('; '))
  t.same(
    places,
    places.toSorted((left, right) => left - right),
  )
  t.equal(place(/^jax/), -1)
  t.equal(new Set(names).size, names.length)
  t.end()
})

t.test('a baseline that does not answer is ended in time, and its words kept', async (t) => {
  const [part] = ['console.error("compiling"); setInterval(() => {}, 1000)'].map((source) => ({
    baseline: baseline('jax', [process.execPath, '-e', source]),
    mode: 'fp32-jit',
    task: { network: 'resnet-8', side: 32, branches: 1, classes: 10, batch: 2, threads: 1, device: 'cpu' as const },
  }))
  if (part === undefined) return
  await t.rejects(timeStep(part, 3), { message: /no answer in 3 s: compiling/ })
})

t.test('the idle share is what nvidia-smi does not say to be busy', (t) => {
  const readings = [
    [100, 900, 300],
    [50, 1100, 200],
    [Number.NaN, 0, 0],
  ]
  t.same(summarise(readings), { samples: 2, idlePercent: 25, memoryMiB: 1100, watts: 250 })
  t.equal(summarise([]), null)
  t.end()
})
