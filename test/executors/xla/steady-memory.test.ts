/** Steps on a device leave nothing behind: states are donated, inputs and outputs are freed. */
import t from 'tap'
import { captureTrainingStep } from '../../../src/engine/step/training-program.ts'
import { outputElements } from '../../support/run-program.ts'
import { drawnState, smallBatch, smallOne } from '../../support/small-steps.ts'
import { withoutXla, xlaOnCpu } from '../../support/xla.ts'

const [WARM_STEPS, STEPS] = [300, 500]
t.setTimeout(580_000)

t.test(`${STEPS} steps`, { skip: withoutXla }, (t) => {
  const specification = smallOne({ batch: 4 })
  const { program, layout, ...step } = captureTrainingStep(specification)
  const xla = xlaOnCpu()
  const state = drawnState({ program, layout, ...step })
  const memory = { state, exchange: new SharedArrayBuffer(xla.exchangeBytes([program], layout, 1)) }
  const compiled = xla.compile(program, layout, memory, { replica: 0, replicas: 1, cores: [0] })
  const inputs = { ...smallBatch(specification), scalars: Float32Array.of(0.001, 0.5) }
  const outputs = new Float32Array(outputElements(program))
  const trainOn = (steps: number) => {
    for (let done = 0; done < steps; done++) compiled.run(inputs, outputs)
    return process.memoryUsage().rss
  }
  // The plugin's threads take memory of their own in the first some hundred steps.
  const before = trainOn(WARM_STEPS)
  const growth = trainOn(STEPS) - before
  t.ok(Number.isFinite(outputs[0]))
  // One state or more left behind every 50 steps would show.
  t.ok(growth < 10 * state.byteLength, `${growth / 1024} KiB more, a state is ${state.byteLength / 1024} KiB`)
  t.end()
})
