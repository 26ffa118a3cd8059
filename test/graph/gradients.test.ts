import t from 'tap'
import { tfjsExecutor } from '../../src/engine/executors/tfjs/tfjs-executor.ts'
import { removeDeadNodes } from '../../src/engine/graph/dead-code.ts'
import { appendGradients } from '../../src/engine/graph/gradients.ts'
import { GraphBuilder } from '../../src/engine/graph/graph-builder.ts'
import type { Program } from '../../src/engine/graph/program.ts'
import { captureTrainingStep } from '../../src/engine/step/training-program.ts'
import { runProgram } from '../support/run-program.ts'
import { drawnState, smallBatch, smallOne, tensorsOf } from '../support/small-steps.ts'

/** The whole backward pass: what the rules give is added up and handed on to the right values. */
t.setTimeout(120_000)
const executor = await tfjsExecutor('cpu')

t.test('scalars: products, sums and repeated use', (t) => {
  // loss = 3 (a b + a) + a a, so d/da = 3 (b + 1) + 2 a and d/db = 3 a.
  const graph = new GraphBuilder(1)
  const [a, b] = [graph.scalar('a'), graph.scalar('b')]
  const product = graph.applyOne('Multiply', [a, b], {})
  const tripled = graph.applyOne('Scale', [graph.applyOne('Add', [product, a], {})], { factor: 3 })
  const loss = graph.applyOne('Add', [tripled, graph.applyOne('Multiply', [a, a], {})], {})
  const [da, db] = appendGradients(graph, loss, [a, b])
  if (da === undefined || db === undefined) throw new Error('Expected two gradients')
  const outputs = [
    { name: 'da', value: da },
    { name: 'db', value: db },
  ]
  const run = runProgram(executor, graph.finish('scalars', outputs), { scalars: [5, 7] })
  t.same([run.outputs.get('da')?.[0], run.outputs.get('db')?.[0]], [3 * (7 + 1) + 2 * 5, 3 * 5])
  t.end()
})

t.test('what cannot be differentiated is refused', (t) => {
  const graph = new GraphBuilder(2)
  const logits = graph.state('logits', [2, 3])
  const other = graph.state('other', [2, 3])
  const loss = graph.applyOne('CrossEntropy', [logits, graph.labels()], { reduction: 'mean' })
  t.throws(() => appendGradients(graph, loss, [other]), /Expected value \d+ to reach the loss but received no gradient/)
  const hits = graph.scope('metrics', () => graph.applyOne('TopKCorrect', [logits, graph.labels()], { k: 1 }))
  t.throws(
    () => appendGradients(graph, hits, [logits]),
    /Expected a differentiable operation in layer metrics but received TopKCorrect/,
  )
  t.end()
})

t.test('no gradient is computed towards pixels, or through the teacher of the divergence', (t) => {
  const { program } = captureTrainingStep(smallOne({ batch: 2 }))
  const labelOf = (op: string) => program.nodes.filter((node) => node.op === op).map(({ label }) => label)
  t.notOk(labelOf('Conv2DBackpropInput').includes('conv1'), 'conv1 gets only a filter gradient')
  t.ok(labelOf('Conv2DBackpropFilter').includes('conv1'))
  // The teacher's logits get one gradient: its own cross entropy's.
  const teacher = program.nodes.find(({ op }) => op === 'GatedSumGrad')?.inputs[0]
  t.match(program.nodes.find(({ outputs }) => outputs[0] === teacher)?.op, /^CrossEntropyGrad$/)
  t.end()
})

/** Steps along a tensor's own gradient, so short that few rectifiers change sides. */
const STEP = 2e-3
/** Of the slope; f32 losses of about 10 allow no better. */
const TOLERANCE = 0.02

for (const [block, tensors] of [
  ['basic', /./],
  ['bottleneck', /^layer2|^branches\.1/],
] as const) {
  t.test(`weights of a ONE step of ${block} blocks, against central differences of the loss`, (t) => {
    const specification = smallOne({ batch: 4, block, size: [8, 8] })
    const step = captureTrainingStep(specification, { gradients: true })
    const { layout, program } = step
    const forward = lossOnly(program)
    const state = tensorsOf(layout, drawnState(step))
    // The teacher is a constant of the distillation term, which the loss itself does not know: so without that term.
    const inputs = { ...smallBatch(specification), scalars: [0.1, 0], layout }
    const { outputs } = runProgram(executor, program, { ...inputs, state })
    const lossAt = (name: string, elements: Float32Array) =>
      runProgram(executor, forward, { ...inputs, state: new Map([...state, [name, elements]]) }).outputs.get(
        'loss',
      )?.[0]

    for (const { name } of layout.tensors.filter(({ name, role }) => role === 'weight' && tensors.test(name))) {
      const gradient = outputs.get(`gradient.${name}`) ?? new Float32Array()
      const slope = Math.sqrt(gradient.reduce((sum, value) => sum + value * value, 0))
      if (name === 'gate.fc.bias') {
        t.ok(slope < 1e-5, 'a batch norm takes out the bias before it')
        continue
      }
      const length = STEP / slope / Math.max(1, slope)
      const walk = (steps: number) =>
        lossAt(
          name,
          (state.get(name) ?? new Float32Array()).map((value, i) => value + steps * length * (gradient[i] ?? 0)),
        )
      const measured = ((walk(1) ?? Number.NaN) - (walk(-1) ?? Number.NaN)) / (2 * length * slope)
      t.ok(Math.abs(measured / slope - 1) < TOLERANCE, `${name}: slope ${slope}, measured ${measured}`)
    }
    t.end()
  })
}

/** The program without backward pass and update. */
function lossOnly(program: Program): Program {
  return removeDeadNodes({ ...program, updates: [], outputs: program.outputs.filter(({ name }) => name === 'loss') })
}
