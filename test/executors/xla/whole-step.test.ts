import t from 'tap'
import { onednnExecutor } from '../../../src/executors/onednn/onednn-executor.ts'
import { tfjsExecutor } from '../../../src/executors/tfjs/tfjs-executor.ts'
import { captureEvaluation } from '../../../src/step/evaluation-program.ts'
import { captureTrainingStep } from '../../../src/step/training-program.ts'
import { distanceOfScale } from '../../support/compare-tensors.ts'
import { type ProgramRun, runProgram } from '../../support/run-program.ts'
import { drawnState, smallBatch, smallOne, tensorsOf } from '../../support/small-steps.ts'
import { withoutXla, xlaOnCpu } from '../../support/xla.ts'

/**
 * Whole ONE steps on XLA's CPU plugin against oneDNN, which agrees with TensorFlow.js: losses, every gradient, the state
 * afterwards.
 */
const TOLERANCES = { f32: 5e-5, bf16: 0.02 } as const
const SCALARS = { learning_rate: 0.1, distillation_weight: 0.6 } as const
/** Gates' biases go into a batch norm, so their gradient is zero but for rounding. */
const VANISHING = /^gradient\.gate\.fc\.bias$/

const CASES = [
  { name: 'basic blocks', small: { batch: 5 } },
  { name: 'bottlenecks, two branches', small: { batch: 4, block: 'bottleneck', branches: 2 } },
  { name: 'bf16', small: { batch: 5, dtype: 'bf16' } },
  { name: 'a ResNeXt of narrow groups', small: { batch: 5, network: 'resnext-11-2x4d-widen1' } },
  { name: 'a DenseNet in bf16', small: { batch: 5, network: 'densenet-bc-10-12', dtype: 'bf16' } },
] as const

for (const { name, small } of CASES) {
  const specification = smallOne(small)
  const step = captureTrainingStep(specification, { gradients: true })
  const evaluation = captureEvaluation(specification, { logits: true })
  const tolerance = TOLERANCES[specification.dtype]
  const state = tensorsOf(step.layout, drawnState(step))
  const inputs = { ...smallBatch(specification), layout: step.layout, state }

  t.test(`${name}`, { skip: withoutXla }, async (t) => {
    // Rounded as the others round, or activations near zero would fall on other sides of a rectifier.
    const [xla, onednn] = [xlaOnCpu(1, { excessPrecision: false }), onednnExecutor({ winograd: false })]
    const scalars = step.program.scalars.map((scalar) => SCALARS[scalar.name as keyof typeof SCALARS])
    const labels = inputs.labels.map((label, row) => (row === 1 ? -1 : label))
    const trained = runProgram(xla, step.program, { ...inputs, scalars })
    const evaluated = runProgram(xla, evaluation, { ...inputs, labels })
    const executor = specification.dtype === 'bf16' && !onednn.machine.bf16 ? await tfjsExecutor('cpu') : onednn
    const wanted = runProgram(executor, step.program, { ...inputs, scalars })
    t.same(tooFar(trained, wanted, tolerance), [], `a training step as on ${executor.name}`)
    const counted = runProgram(executor, evaluation, { ...inputs, labels })
    t.same(tooFar(evaluated, counted, tolerance), [], `evaluation as on ${executor.name}`)
  })
}

t.test('the state stays on the device between runs', { skip: withoutXla }, (t) => {
  const specification = smallOne({ batch: 4 })
  const step = captureTrainingStep(specification)
  const inputs = { ...smallBatch(specification), layout: step.layout, state: tensorsOf(step.layout, drawnState(step)) }
  const run = (executor: ReturnType<typeof xlaOnCpu> | ReturnType<typeof onednnExecutor>) =>
    runProgram(executor, step.program, { ...inputs, scalars: [0.02, 0.6], runs: 3 })
  // Three steps move what rounding moved further apart.
  t.same(tooFar(run(xlaOnCpu()), run(onednnExecutor()), 20 * TOLERANCES.f32), [])
  t.end()
})

/** Outputs and state tensors that lie further apart than the tolerance. */
function tooFar(actual: ProgramRun, wanted: ProgramRun, tolerance: number): string[] {
  const compare = (kind: string, mine: ReadonlyMap<string, Float32Array>, theirs: ReadonlyMap<string, Float32Array>) =>
    [...theirs].flatMap(([name, elements]) => {
      if (VANISHING.test(name)) return []
      const hits = /^(correct|top\d)\./.test(name)
      const apart = distanceOfScale(mine.get(name) ?? [], elements)
      const exact = hits && mine.get(name)?.[0] === elements[0]
      return exact || apart <= tolerance ? [] : [`${kind} ${name} is ${apart} of its scale away`]
    })
  return [...compare('output', actual.outputs, wanted.outputs), ...compare('state', actual.state, wanted.state)]
}
