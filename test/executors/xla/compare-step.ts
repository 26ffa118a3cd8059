import { onednnExecutor } from '../../../src/executors/onednn/onednn-executor.ts'
import { tfjsExecutor } from '../../../src/executors/tfjs/tfjs-executor.ts'
import { captureEvaluation } from '../../../src/step/evaluation-program.ts'
import { captureTrainingStep } from '../../../src/step/training-program.ts'
import { distanceOfScale } from '../../support/compare-tensors.ts'
import { type ProgramRun, runProgram } from '../../support/run-program.ts'
import { drawnState, type SmallStep, smallBatch, smallOne, tensorsOf } from '../../support/small-steps.ts'
import { xlaOnCpu } from '../../support/xla.ts'

/** Of a tensor's scale, as between the other executors. */
export const STEP_TOLERANCES = { f32: 5e-5, bf16: 0.02 } as const
const SCALARS = { learning_rate: 0.1, distillation_weight: 0.6 } as const
/** Gates' biases go into a batch norm, so their gradient is zero but for rounding. */
const VANISHING = /^gradient\.gate\.fc\.bias$/

/**
 * A training step and an evaluation on XLA's CPU plugin against oneDNN, which agrees with TensorFlow.js (used where oneDNN
 * has no bf16): losses, every gradient, the state afterwards.
 * @returns what lies too far apart, in words
 */
export async function compareStep(small: SmallStep): Promise<{ training: string[]; evaluation: string[] }> {
  const specification = smallOne(small)
  const step = captureTrainingStep(specification, { gradients: true })
  const evaluation = captureEvaluation(specification, { logits: true })
  const tolerance = STEP_TOLERANCES[specification.dtype]
  const state = tensorsOf(step.layout, drawnState(step))
  const inputs = { ...smallBatch(specification), layout: step.layout, state }
  const scalars = step.program.scalars.map((scalar) => SCALARS[scalar.name as keyof typeof SCALARS])
  const labels = inputs.labels.map((label, row) => (row === 1 ? -1 : label))
  // Rounded as the others round, or activations near zero would fall on other sides of a rectifier.
  const [xla, onednn] = [xlaOnCpu(1, { excessPrecision: false }), onednnExecutor({ winograd: false })]
  const other = specification.dtype === 'bf16' && !onednn.machine.bf16 ? await tfjsExecutor('cpu') : onednn
  const [trained, wanted] = [xla, other].map((executor) => runProgram(executor, step.program, { ...inputs, scalars }))
  const [evaluated, counted] = [xla, other].map((executor) => runProgram(executor, evaluation, { ...inputs, labels }))
  if (trained === undefined || wanted === undefined || evaluated === undefined || counted === undefined) {
    throw new Error('Expected runs on two executors')
  }
  return { training: tooFar(trained, wanted, tolerance), evaluation: tooFar(evaluated, counted, tolerance) }
}

/** Outputs and state tensors that lie further apart than the tolerance. */
export function tooFar(actual: ProgramRun, wanted: ProgramRun, tolerance: number): string[] {
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
