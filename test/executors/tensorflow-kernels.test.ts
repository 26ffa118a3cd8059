import t from 'tap'
import { cpuExecutor } from '../../src/engine/executors/cpu/cpu-executor.ts'
import { tfjsExecutor } from '../../src/engine/executors/tfjs/tfjs-executor.ts'
import { captureTrainingStep } from '../../src/engine/step/training-program.ts'
import { differences } from '../support/compare-tensors.ts'
import { captureOpCase, OP_CASES } from '../support/op-cases.ts'
import { runProgram } from '../support/run-program.ts'
import { drawnState, smallBatch, smallOne, tensorsOf } from '../support/small-steps.ts'
import { tensorflowWorks, tfjsReports, withoutTensorflow } from '../support/tensorflow.ts'

/** The tfjs executor on TensorFlow's kernels against the same on JavaScript's, and against oneDNN. */
t.test('devices are described, with a remedy where one does not work', (t) => {
  t.same(
    tfjsReports.map(({ executor, device }) => `${executor} ${device}`),
    ['tfjs cpu', 'tfjs tensorflow'],
  )
  t.match(tfjsReports[0], { works: true, detail: /^TensorFlow\.js \d+\.\d+\.\d+/, remedy: null })
  if (tensorflowWorks) t.match(tfjsReports[1], { detail: /tfjs-node(-gpu)? \d.*TensorFlow \d+\.\d+/, remedy: null })
  else
    t.match(tfjsReports[1], { detail: /^Expected @tensorflow/, remedy: /npm (install|rebuild) @tensorflow\/tfjs-node/ })
  t.end()
})

t.test('every operation', { skip: withoutTensorflow }, async (t) => {
  const [javascript, tensorflow] = [await tfjsExecutor('cpu'), await tfjsExecutor('tensorflow')]
  for (const opCase of OP_CASES) {
    const program = captureOpCase(opCase, 'f32')
    const inputs = {
      state: opCase.state(program),
      ...(opCase.labels === null ? {} : { labels: opCase.labels }),
      ...(opCase.images === null ? {} : { images: opCase.images }),
    }
    const wanted = runProgram(javascript, program, inputs).outputs
    const actual = runProgram(tensorflow, program, inputs).outputs
    t.same(differences(actual, wanted, { relative: 1e-5, scale: 1e-5 }), [], opCase.name)
  }
})

/** Gates' biases go into a batch norm, so their gradient is zero but for rounding. */
const VANISHING = 'gradient.gate.fc.bias'

for (const [name, small] of [
  ['basic blocks', { batch: 5 }],
  ['bottlenecks, two branches', { batch: 4, block: 'bottleneck', branches: 2 }],
] as const) {
  t.test(`a training step, ${name}`, { skip: withoutTensorflow }, async (t) => {
    const specification = smallOne(small)
    const step = captureTrainingStep(specification, { gradients: true })
    const state = tensorsOf(step.layout, drawnState(step))
    const inputs = { ...smallBatch(specification), layout: step.layout, state, scalars: [0.1, 0.6] }
    const actual = runProgram(await tfjsExecutor('tensorflow'), step.program, inputs)
    const executors = [await tfjsExecutor('cpu'), cpuExecutor({ ownConvolutions: false }), cpuExecutor()]
    for (const executor of executors) {
      const wanted = runProgram(executor, step.program, inputs)
      const outputs = new Map([...wanted.outputs].filter(([output]) => output !== VANISHING))
      t.same(differences(actual.outputs, outputs, { relative: 1e-4, scale: 5e-5 }), [], executor.name)
      t.same(differences(actual.state, wanted.state, { relative: 1e-4, scale: 1e-4 }), [], executor.name)
    }
  })
}
