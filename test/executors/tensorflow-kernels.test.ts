import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { describeTfjs } from '../../src/executors/tfjs/tfjs-backend.ts'
import { tfjsExecutor } from '../../src/executors/tfjs/tfjs-executor.ts'
import { captureTrainingStep } from '../../src/step/training-program.ts'
import { differences } from '../support/compare-tensors.ts'
import { captureOpCase, OP_CASES } from '../support/op-cases.ts'
import { runProgram } from '../support/run-program.ts'
import { drawnState, smallBatch, smallOne, tensorsOf } from '../support/small-steps.ts'

/**
 * The tfjs executor on TensorFlow's kernels against the same on JavaScript's, where tfjs-node is installed or was built
 * by `node scripts/build-tfjs-node.mjs`.
 */
const built = fileURLToPath(new URL('../../../.tfjs-node', import.meta.url))
if (existsSync(built)) process.env['NATIVE_ENSEMBLE_TFJS_NODE'] ??= built

const reports = await describeTfjs()
const works = reports.find(({ device }) => device === 'tensorflow')?.works ?? false

t.test('devices are described, with a remedy where one does not work', (t) => {
  t.same(
    reports.map(({ executor, device }) => `${executor} ${device}`),
    ['tfjs cpu', 'tfjs tensorflow'],
  )
  t.match(reports[0], { works: true, detail: /^TensorFlow\.js \d+\.\d+\.\d+/, remedy: null })
  if (works) t.match(reports[1], { detail: /tfjs-node(-gpu)? \d.*TensorFlow \d+\.\d+/, remedy: null })
  else t.match(reports[1], { detail: /^Expected @tensorflow/, remedy: /npm (install|rebuild) @tensorflow\/tfjs-node/ })
  t.end()
})

t.test('every operation', { skip: works ? false : 'tfjs-node is not installed' }, async (t) => {
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

t.test('a training step', { skip: works ? false : 'tfjs-node is not installed' }, async (t) => {
  const specification = smallOne({ batch: 5 })
  const step = captureTrainingStep(specification)
  const state = tensorsOf(step.layout, drawnState(step))
  const inputs = { ...smallBatch(specification), layout: step.layout, state, scalars: [0.1, 0.6] }
  const wanted = runProgram(await tfjsExecutor('cpu'), step.program, inputs)
  const actual = runProgram(await tfjsExecutor('tensorflow'), step.program, inputs)
  t.same(differences(actual.outputs, wanted.outputs, { relative: 1e-4, scale: 1e-5 }), [])
  t.same(differences(actual.state, wanted.state, { relative: 1e-4, scale: 1e-4 }), [])
})
