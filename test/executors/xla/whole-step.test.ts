/** Whole steps of ONE on XLA's CPU plugin, with every kind of network. */
import t from 'tap'
import { cpuExecutor } from '../../../src/engine/executors/cpu/cpu-executor.ts'
import { adamw } from '../../../src/engine/optimizers/adamw.ts'
import { lamb } from '../../../src/engine/optimizers/lamb.ts'
import { captureTrainingStep } from '../../../src/engine/step/training-program.ts'
import { STEP_TOLERANCES, tooFar } from '../../support/compare-steps.ts'
import { runProgram } from '../../support/run-program.ts'
import { drawnState, smallBatch, smallOne, tensorsOf } from '../../support/small-steps.ts'
import { withoutXla, xlaOnCpu } from '../../support/xla.ts'
import { compareStep } from './compare-step.ts'

t.setTimeout(580_000)

const ADAM = { betas: [0.9, 0.99], epsilon: 1e-3, weightDecay: 0.1 } as const

const CASES = [
  { name: 'basic blocks', small: { batch: 5 } },
  { name: 'bottlenecks, two branches', small: { batch: 4, block: 'bottleneck', branches: 2 } },
  { name: 'bf16', small: { batch: 5, dtype: 'bf16' } },
  { name: 'a ResNeXt of narrow groups', small: { batch: 5, network: 'resnext-11-2x4d-widen1', branches: 2 } },
  { name: 'mixed images', small: { batch: 5, mixing: true } },
  { name: 'AdamW', small: { batch: 5, optimizer: adamw(ADAM) } },
  { name: 'LAMB', small: { batch: 5, optimizer: lamb(ADAM) } },
  { name: 'a DenseNet in bf16', small: { batch: 5, network: 'densenet-bc-10-12', dtype: 'bf16' } },
] as const

for (const { name, small } of CASES) {
  t.test(name, { skip: withoutXla }, async (t) => {
    t.same(await compareStep(small), { training: [], evaluation: [] })
  })
}

t.test('the state stays on the device between runs', { skip: withoutXla }, (t) => {
  const specification = smallOne({ batch: 4, branches: 2 })
  const step = captureTrainingStep(specification)
  const inputs = { ...smallBatch(specification), layout: step.layout, state: tensorsOf(step.layout, drawnState(step)) }
  const run = (executor: ReturnType<typeof xlaOnCpu> | ReturnType<typeof cpuExecutor>) =>
    runProgram(executor, step.program, { ...inputs, scalars: [0.02, 0.6], runs: 3 })
  // Three steps move what rounding moved further apart.
  t.same(tooFar(run(xlaOnCpu()), run(cpuExecutor()), 20 * STEP_TOLERANCES.f32), [])
  t.end()
})
