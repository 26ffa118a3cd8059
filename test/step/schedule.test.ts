import t from 'tap'
import { cycleEnds, distillationWeight, learningRate } from '../../src/train/run/schedule.ts'

const RUN = { epochs: 10, snapshots: 1, cosineFloor: 0, warmUp: 0 }
const long = (steps: number) => ({ steps, stepsPerEpoch: steps / 10 })

t.test('the rate of the paper falls by ten at half and at three quarters', (t) => {
  const rate = (step: number) => learningRate({ ...RUN, learningRate: 0.1, schedule: 'step' }, step, long(1000))
  const close = (step: number, wanted: number) =>
    t.ok(Math.abs(rate(step) - wanted) < 1e-12, `step ${step}: ${rate(step)}`)
  close(0, 0.1)
  close(499, 0.1)
  close(500, 0.01)
  close(749, 0.01)
  close(750, 0.001)
  close(999, 0.001)
  t.end()
})

t.test('cosine falls from the rate to zero, constant stays', (t) => {
  const cosine = (step: number) => learningRate({ ...RUN, learningRate: 0.2, schedule: 'cosine' }, step, long(100))
  t.equal(cosine(0), 0.2)
  t.ok(Math.abs(cosine(50) - 0.1) < 1e-12)
  t.ok(cosine(100) < 1e-12)
  t.equal(learningRate({ ...RUN, learningRate: 0.2, schedule: 'constant' }, 99, long(100)), 0.2)
  t.end()
})

t.test('cosine falls from the rate to its floor, in each cycle', (t) => {
  // floor + (rate - floor) (1 + cos(pi t / T)) / 2 at cos = 1, 1/2, 0, -1/2, -1.
  const wanted = [0.2, 0.155, 0.11, 0.065, 0.02]
  const settings = { ...RUN, learningRate: 0.2, cosineFloor: 0.02 }
  for (const [index, step] of [0, 20, 30, 40, 60].entries()) {
    const close = (rate: number) => t.ok(Math.abs(rate - wanted[index]!) < 1e-12, `step ${step}: ${rate}`)
    close(learningRate({ ...settings, schedule: 'cosine' }, step, long(60)))
    if (step === 60) continue
    const cycles = { ...settings, schedule: 'cosine-cycles', snapshots: 2 } as const
    close(learningRate(cycles, step, long(120)))
    close(learningRate(cycles, 60 + step, long(120)))
  }
  t.end()
})

t.test('the warm-up rises to the rate, and the schedule spans the rest', (t) => {
  // LinearLR(start_factor=0.01, total_iters=20), then CosineAnnealingLR(T_max=80), by SequentialLR of torch.optim.
  const settings = { ...RUN, learningRate: 0.4, warmUp: 2 }
  const cosine = (step: number) => learningRate({ ...settings, schedule: 'cosine' }, step, long(100))
  const close = (rate: number, wanted: number) => t.ok(Math.abs(rate - wanted) < 1e-12, `${rate} for ${wanted}`)
  close(cosine(0), 0.004)
  close(cosine(1), 0.0238)
  close(cosine(10), 0.202)
  close(cosine(19), 0.3802)
  close(cosine(20), 0.4)
  close(cosine(40), 0.2 * (1 + Math.SQRT1_2))
  close(cosine(60), 0.2)
  const drops = (step: number) => learningRate({ ...settings, schedule: 'step' }, step, long(100))
  close(drops(59), 0.4)
  close(drops(60), 0.04)
  close(drops(80), 0.004)
  close(learningRate({ ...settings, schedule: 'constant' }, 15, long(100)), 0.4 * (0.01 + 0.99 * 0.75))
  t.end()
})

t.test('cycles of cosines fall from the rate to nearly zero, and begin anew', (t) => {
  // Huang et al., equation 2: a0 / 2 (cos(pi mod(t - 1, ceil(T / M)) / ceil(T / M)) + 1), t counted from 1.
  const [steps, snapshots] = [300, 5]
  const length = Math.ceil(steps / snapshots)
  for (let step = 0; step < steps; step++) {
    const wanted = 0.05 * (Math.cos((Math.PI * (step % length)) / length) + 1)
    const rate = learningRate(
      { ...RUN, learningRate: 0.1, schedule: 'cosine-cycles', epochs: 30, snapshots },
      step,
      long(steps),
    )
    if (Math.abs(rate - wanted) > 1e-12) t.fail(`step ${step}: ${rate}, not ${wanted}`)
  }
  t.same(cycleEnds({ epochs: 30, snapshots: 5 }), [6, 12, 18, 24, 30])
  t.same(cycleEnds({ epochs: 7, snapshots: 3 }), [3, 5, 7])
  const uneven = (step: number) =>
    learningRate({ ...RUN, learningRate: 0.1, schedule: 'cosine-cycles', epochs: 7, snapshots: 3 }, step, long(70))
  t.same([uneven(0), uneven(30), uneven(50)], [0.1, 0.1, 0.1])
  t.ok(uneven(29) < 0.001 && uneven(49) < 0.002)
  t.end()
})

t.test('the distillation term ramps up as exp(-5 (1 - e / R)^2)', (t) => {
  t.ok(Math.abs(distillationWeight(80, 0) - Math.exp(-5)) < 1e-15)
  t.ok(Math.abs(distillationWeight(80, 40) - Math.exp(-5 / 4)) < 1e-15)
  t.equal(distillationWeight(80, 80), 1)
  t.equal(distillationWeight(80, 299), 1)
  t.equal(distillationWeight(0, 0), 1)
  t.end()
})
