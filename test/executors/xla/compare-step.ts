import { cpuExecutor } from '../../../src/engine/executors/cpu/cpu-executor.ts'
import { captureEvaluation } from '../../../src/engine/step/evaluation-program.ts'
import { captureTrainingStep } from '../../../src/engine/step/training-program.ts'
import { STEP_SCALARS, STEP_TOLERANCES, tooFar } from '../../support/compare-steps.ts'
import { runProgram } from '../../support/run-program.ts'
import { drawnState, type SmallStep, smallBatch, smallOne, tensorsOf } from '../../support/small-steps.ts'
import { xlaOnCpu } from '../../support/xla.ts'

/**
 * A training step and an evaluation on XLA's CPU plugin against oneDNN, which agrees with TensorFlow.js:
 * losses, every gradient, the state afterwards.
 * @returns what lies too far apart, in words
 */
export async function compareStep(small: SmallStep): Promise<{ training: string[]; evaluation: string[] }> {
  const specification = smallOne(small)
  const step = captureTrainingStep(specification, { gradients: true })
  const evaluation = captureEvaluation(specification, { logits: true })
  const tolerance = STEP_TOLERANCES[specification.dtype]
  const state = tensorsOf(step.layout, drawnState(step))
  const inputs = { ...smallBatch(specification), layout: step.layout, state }
  const scalars = step.program.scalars.map((scalar) => STEP_SCALARS[scalar.name] ?? Number.NaN)
  const labels = inputs.labels.slice(0, specification.batch).map((label, row) => (row === 1 ? -1 : label))
  // Rounded as the others round, or activations near zero would fall on other sides of a rectifier.
  const executors = [xlaOnCpu(1, { excessPrecision: false }), cpuExecutor({ ownConvolutions: false })]
  const [trained, wanted] = executors.map((executor) => runProgram(executor, step.program, { ...inputs, scalars }))
  const [evaluated, counted] = executors.map((executor) => runProgram(executor, evaluation, { ...inputs, labels }))
  if (trained === undefined || wanted === undefined || evaluated === undefined || counted === undefined) {
    throw new Error('Expected runs on two executors')
  }
  return { training: tooFar(trained, wanted, tolerance), evaluation: tooFar(evaluated, counted, tolerance) }
}
