import t from 'tap'
import { checkProgram } from '../../src/engine/graph/check-program.ts'
import { removeDeadNodes } from '../../src/engine/graph/dead-code.ts'
import { GraphBuilder } from '../../src/engine/graph/graph-builder.ts'
import { printProgram } from '../../src/engine/graph/print-program.ts'
import { captureEvaluation } from '../../src/engine/step/evaluation-program.ts'
import { captureTrainingStep } from '../../src/engine/step/training-program.ts'
import { goldenText } from '../support/golden-text.ts'
import { smallOne } from '../support/small-steps.ts'

/** softmax(x), of which `y` is read, beside what nothing reads. */
function withDeadCode() {
  const graph = new GraphBuilder(2)
  const x = graph.state('x', [2, 3])
  const unused = graph.state('unused', [2, 3])
  const y = graph.applyOne('Softmax', [x], {}, 'kept')
  graph.applyOne('Softmax', [graph.applyOne('Add', [unused, y], {}, 'dead')], {}, 'dead')
  graph.labels()
  return graph.finish('small', [{ name: 'y', value: y }], [{ name: 'x', value: y }])
}

t.test('dead nodes and the inputs that only they read are removed', (t) => {
  const program = removeDeadNodes(withDeadCode())
  t.same(
    program.nodes.map(({ op, label }) => [op, label]),
    [['Softmax', 'kept']],
  )
  t.same(
    program.states.map(({ name }) => name),
    ['x'],
  )
  t.equal(program.labels, null)
  t.same(removeDeadNodes(program), program, 'nothing is left to remove')
  t.end()
})

t.test('nothing of a step is dead', (t) => {
  const { program } = captureTrainingStep(smallOne({ batch: 2 }))
  const read = new Set([...program.outputs, ...program.updates].map(({ value }) => value))
  for (const { inputs } of program.nodes) for (const id of inputs) read.add(id)
  const unread = program.nodes.filter(({ outputs }) => !outputs.some((id) => read.has(id)))
  t.same(unread, [])
  t.end()
})

t.test('the check of programs finds each kind of fault', (t) => {
  const program = withDeadCode()
  const [first, second, third] = program.nodes
  if (first === undefined || second === undefined || third === undefined) throw new Error('Expected three nodes')
  t.doesNotThrow(() => checkProgram(program))
  t.throws(() => checkProgram({ ...program, nodes: [second, first, third] }), /received %\d+ before its node/)
  t.throws(() => checkProgram({ ...program, nodes: [first, first] }), /received %\d+ a second time/)
  t.throws(() => checkProgram({ ...program, nodes: [] }), /Expected a written value for x but received/)
  const update = { name: 'missing', value: first.outputs[0] ?? -1 }
  t.throws(() => checkProgram({ ...program, updates: [update] }), /state's own type for the update of missing/)
  t.end()
})

t.test('programs as text are those in test/fixtures/graph (TAP_SNAPSHOT=1 writes them anew)', (t) => {
  const training = smallOne({ batch: 2, branches: 2, dtype: 'bf16' })
  const texts = {
    'small-program': printProgram(withDeadCode()),
    'one-training-step-bf16': printProgram(captureTrainingStep(training).program),
    'one-evaluation': printProgram(captureEvaluation({ ...training, dtype: 'f32' })),
  }
  for (const [name, text] of Object.entries(texts)) t.equal(text, goldenText(`graph/${name}.txt`, text), name)
  t.end()
})
