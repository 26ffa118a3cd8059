/** `train --profile` as people meet it, and the sums that it prints. */
import { readdir } from 'node:fs/promises'
import t from 'tap'
import { type StepProfile, summariseProfile } from '../../src/studies/step-profile.ts'
import { runCli, TRAIN_TINY } from './run-cli.ts'

t.setTimeout(120_000)

const sumOf = (list: readonly { readonly ms: number }[]) => list.reduce((sum, { ms }) => sum + ms, 0)

t.test('sums by op and by layer are means over the steps, slowest first', (t) => {
  const profile = summariseProfile({
    times: [
      { op: 'Conv2D', label: 'conv1', milliseconds: 4 },
      { op: 'BatchNorm', label: 'bn1', milliseconds: 2 },
      { op: 'BatchNormGrad', label: 'bn1', milliseconds: 6 },
      { op: 'Conv2DBackpropInput', label: 'conv1', milliseconds: 3 },
      { op: 'Conv2DBackpropFilter', label: 'conv1', milliseconds: 5 },
      { op: 'Update', label: '', milliseconds: 4 },
    ],
    walls: [10, 20],
    planBytes: 100,
    batch: 30,
    replicas: 2,
    threads: 1,
  })
  t.match(profile, {
    steps: 2,
    step_ms: 12,
    wall_ms: 15,
    images_per_second: 2000,
    convolution_ms: 6,
    convolution_share: 0.5,
    step_over_convolutions: 2,
    plan_bytes: 200,
  })
  t.same(
    profile.by_op.map(({ op, count, ms }) => [op, count, ms]),
    [
      ['BatchNormGrad', 1, 3],
      ['Conv2DBackpropFilter', 1, 2.5],
      ['Conv2D', 1, 2],
      ['Update', 1, 2],
      ['Conv2DBackpropInput', 1, 1.5],
      ['BatchNorm', 1, 1],
    ],
  )
  t.same(profile.by_layer, [
    { layer: 'conv1', forward_ms: 2, backward_ms: 4, ms: 6, share: 0.5 },
    { layer: 'bn1', forward_ms: 1, backward_ms: 3, ms: 4, share: 4 / 12 },
    { layer: '(Update)', forward_ms: 2, backward_ms: 0, ms: 2, share: 2 / 12 },
  ])
  t.end()
})

for (const devices of ['cpu', 'cpu:2']) {
  t.test(`--profile --json on ${devices}`, async (t) => {
    const cwd = t.testdir()
    // 10 steps an epoch: the 25 steps go on into the next ones.
    const ended = await runCli([...TRAIN_TINY, '--devices', devices, '--profile', '--json'], { cwd })
    t.equal(ended.code, 0, ended.stderr)
    const profile: StepProfile = JSON.parse(ended.stdout)
    t.match(profile, { steps: 20, batch: 16, replicas: devices === 'cpu' ? 1 : 2 })
    for (const list of [profile.by_op, profile.by_layer]) {
      t.ok(Math.abs(sumOf(list) / profile.step_ms - 1) < 1e-6, 'the parts make the whole')
      t.ok(Math.abs(list.reduce((sum, { share }) => sum + share, 0) - 1) < 1e-6)
      t.same(
        list.map(({ ms }) => ms),
        list.map(({ ms }) => ms).toSorted((left, right) => right - left),
      )
    }
    const convolutions = profile.by_op.filter(({ op }) => op.startsWith('Conv2D'))
    // ResNet-8 with three branches: 6 in the shared part and 3 in each branch, those of the shortcuts among them.
    t.equal(convolutions.find(({ op }) => op === 'Conv2D')?.count, 15)
    t.ok(Math.abs(sumOf(convolutions) / profile.convolution_ms - 1) < 1e-6)
    t.ok(profile.by_layer.some(({ layer, backward_ms }) => layer === 'branches.1.layer3.0.conv2' && backward_ms > 0))
    t.ok(profile.plan_bytes > 1e5)
    t.same(await readdir(cwd), [], 'nothing was written')
  })
}

t.test('--profile prints tables', async (t) => {
  const ended = await runCli([...TRAIN_TINY, '--profile'], { cwd: t.testdir() })
  t.equal(ended.code, 0, ended.stderr)
  t.match(ended.stdout, /^resnet-8, one, 3 branches, batch 16, fp32; 1 replica of \d+ thread/)
  t.match(ended.stdout, /^Conv2DBackpropFilter +15 +[\d.]+ +[\d.]+$/m)
  t.match(ended.stdout, /^layer +forward ms +backward ms +ms +%$/m)
  t.match(ended.stdout, /The 15 slowest of \d+ layers/)
})

t.test('--profile needs the executor that has clocks', async (t) => {
  const cwd = t.testdir()
  const ended = await runCli([...TRAIN_TINY, '--profile', '--executor', 'tfjs', '--branches', '0'], { cwd })
  t.equal(ended.code, 2)
  t.match(ended.stderr, /Expected --executor cpu for --profile but received --executor tfjs/)
  t.match(ended.stderr, /--branches/, 'other faults are told with it')
  t.same(await readdir(cwd), [])
})
