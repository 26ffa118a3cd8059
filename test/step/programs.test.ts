import t from 'tap'
import { typeOf } from '../../src/engine/graph/program.ts'
import { vanilla } from '../../src/engine/methods/vanilla.ts'
import { captureEvaluation } from '../../src/engine/step/evaluation-program.ts'
import { captureTrainingStep } from '../../src/engine/step/training-program.ts'
import { smallOne } from '../support/small-steps.ts'

const names = (values: readonly { readonly name: string }[]) => values.map(({ name }) => name)

t.test('a training step of ONE says its loss, the parts of it, and hits of each classifier', (t) => {
  const { program } = captureTrainingStep(smallOne({ batch: 4, branches: 2 }))
  const parts = ['cross_entropy.0', 'cross_entropy.1', 'cross_entropy.teacher', 'distillation']
  t.same(names(program.outputs), ['loss', ...parts, 'correct.0', 'correct.1', 'correct.teacher'])
  t.same(names(program.scalars), ['learning_rate', 'distillation_weight'])
  t.end()
})

t.test('vanilla has one network and no weight of distillation', (t) => {
  const { program, layout } = captureTrainingStep({ ...smallOne({ batch: 4 }), method: vanilla() })
  t.same(names(program.outputs), ['loss', 'cross_entropy.0', 'correct.0'])
  t.same(names(program.scalars), ['learning_rate'])
  t.notOk(names(layout.tensors).some((name) => /branches|gate/.test(name)))
  t.end()
})

t.test('every state tensor has its update, momentum beside each weight', (t) => {
  const { program, layout } = captureTrainingStep(smallOne({ batch: 4 }))
  t.same(names(program.updates).sort(), names(layout.tensors).sort())
  const weights = layout.tensors.filter(({ role }) => role === 'weight')
  for (const { name, shape, offset } of weights) {
    const momentum = layout.tensors.find((tensor) => tensor.name === `momentum.${name}`)
    const there = { role: 'optimizer', slot: 'momentum', offset: offset + layout.weightElements }
    t.same(momentum, { name: `momentum.${name}`, shape, ...there })
  }
  t.end()
})

t.test('bf16 is for activations and working copies; weights, statistics, heads and losses stay f32', (t) => {
  const { program } = captureTrainingStep(smallOne({ batch: 4, dtype: 'bf16' }))
  for (const node of program.nodes) {
    for (const id of node.outputs) {
      const { shape, dtype } = typeOf(program, id)
      const half = shape.length === 4 && node.phase !== 'update' && node.op !== 'Conv2DBackpropFilter'
      const cast = node.op === 'Cast' && node.phase === 'backward'
      if (!cast && dtype !== (half ? 'bf16' : 'f32')) t.fail(`${node.op} of ${node.label} is ${dtype}`)
    }
  }
  for (const { value } of program.states) t.equal(typeOf(program, value).dtype, 'f32')
  t.end()
})

t.test('evaluation reads running averages, changes nothing, and counts losses and hits', (t) => {
  const program = captureEvaluation(smallOne({ batch: 4, branches: 2 }), { logits: true })
  const of = (name: string) => [`cross_entropy.${name}`, `top1.${name}`, `top5.${name}`, `logits.${name}`]
  t.same(names(program.outputs), [...of('0'), ...of('1'), ...of('teacher')])
  t.same(program.updates, [])
  t.notOk(program.nodes.some(({ op }) => op === 'BatchNorm'))
  t.notOk(program.states.some(({ name }) => name.startsWith('momentum.')))
  t.end()
})
