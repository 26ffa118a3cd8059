import t, { type Test } from 'tap'
import { CONSTANTS, decodeCores, GPU_STEPS, limitsOf, stepOnGpus, stepOnHosts } from '../../bench/scale-arithmetic.ts'

const close = (t: Test, value: number, wanted: number, what: string) =>
  t.ok(Math.abs(value / wanted - 1) < 1e-3, `${what}: ${value}, wanted ${wanted}`)

t.test('a step on GPUs, by hand', async (t) => {
  const resnet18 = GPU_STEPS.find(({ name }) => name.includes('ResNet-18'))
  if (resnet18 === undefined) throw new Error('Expected ResNet-18 among the steps')
  // 26,363 MB at 4,800 GB/s.
  close(t, resnet18.milliseconds, 5.4923, 'the least time of a step')
  const { sumMs, exposedMs, stepMs, leaderMs } = stepOnGpus(resnet18, 16)
  // 2 x 15 / 16 x 118 MB at 40 GB/s, and 15 sums of 8 hops of 5 us; the backward pass hides 2/3 of 5.4923.
  close(t, sumMs, 5.53125 + 0.6, 'the sum')
  close(t, exposedMs, 6.13125 - 3.66153, 'what is not hidden')
  close(t, leaderMs, 0.08, 'a message there and one back')
  close(t, stepMs, 5.4923 + 2.46972, 'the step')
  close(t, decodeCores(resnet18, resnet18.decode), (8 * 256 * 1000) / 5.4923 / 2156, 'cores that decode')
})

t.test('a step on CPU hosts, by hand', async (t) => {
  const { computeMs, sumMs, efficiency, evaluationShare } = stepOnHosts(2, 1024)
  // A batch of 32 in 1204.5 ms on 2 cores: 1024 on 64 cores take as long.
  close(t, computeMs, 1204.5, 'compute')
  // Half of 118.015 MB each way, twice, at 1.54839 GB/s, and two transfers of 20 us.
  close(t, sumMs, 118.015 / 1.54839 + 0.04, 'the sum')
  close(t, efficiency, 1204.5 / (1204.5 + 76.258), 'efficiency')
  const evaluation = 50_000 / 4.2
  const training = (1_281_167 / 2) * (1280.758 / 1204.5)
  close(t, evaluationShare, evaluation / (evaluation + training), 'evaluation')
})

t.test('limits agree with the steps', async (t) => {
  for (const step of GPU_STEPS) {
    const { batch, leader } = limitsOf(step)
    t.equal(stepOnGpus(step, batch).globalBatch, CONSTANTS.largestBatch.value)
    close(t, stepOnGpus(step, leader).leaderMs, step.milliseconds, step.name)
  }
})

t.test('each constant says where it is from', async (t) => {
  for (const [name, { value, source }] of Object.entries(CONSTANTS)) t.ok(value > 0 && source !== '', name)
})
