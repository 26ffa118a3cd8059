import t from 'tap'
import { distillationWeight, learningRate } from '../../src/step/schedule.ts'

t.test('the rate of the paper falls by ten at half and at three quarters', (t) => {
  const rate = (step: number) => learningRate({ learningRate: 0.1, schedule: 'step' }, step, 1000)
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
  const cosine = (step: number) => learningRate({ learningRate: 0.2, schedule: 'cosine' }, step, 100)
  t.equal(cosine(0), 0.2)
  t.ok(Math.abs(cosine(50) - 0.1) < 1e-12)
  t.ok(cosine(100) < 1e-12)
  t.equal(learningRate({ learningRate: 0.2, schedule: 'constant' }, 99, 100), 0.2)
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
