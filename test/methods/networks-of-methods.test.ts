import t from 'tap'
import { findState, viewState } from '../../src/engine/graph/state-layout.ts'
import { dml } from '../../src/engine/methods/dml.ts'
import { ensemble } from '../../src/engine/methods/ensemble.ts'
import { kd } from '../../src/engine/methods/kd.ts'
import type { Method } from '../../src/engine/methods/method.ts'
import { one } from '../../src/engine/methods/one.ts'
import { snapshot, snapshotEnsemble } from '../../src/engine/methods/snapshot.ts'
import { vanilla } from '../../src/engine/methods/vanilla.ts'
import { findNetwork } from '../../src/engine/networks/find-network.ts'
import { drawInitialState } from '../../src/engine/networks/initial-weights.ts'
import { captureEvaluation } from '../../src/engine/step/evaluation-program.ts'
import { captureTrainingStep } from '../../src/engine/step/training-program.ts'
import { smallOne } from '../support/small-steps.ts'

const resnet8 = findNetwork('resnet-8', 'auto')
const densenet = findNetwork('densenet-bc-10-12', 'auto')
const stepOf = (method: Method) => captureTrainingStep(smallOne({ batch: 4, method }))
const names = (values: readonly { readonly name: string }[]) => values.map(({ name }) => name)

/** Initial weights of a seed, by name. */
function drawn(method: Method): (name: string) => Float32Array {
  const { parameters, layout } = stepOf(method)
  const state = new SharedArrayBuffer(4 * layout.elements)
  drawInitialState(parameters, layout, state, 5)
  return (name) => viewState(findState(layout, name), state)
}

t.test('the target begins with the same weights by every method, other networks with others', (t) => {
  const plain = drawn(vanilla())
  const wanted = plain('layer3.0.conv1.weight')
  t.same(drawn(kd({ teacher: densenet, alpha: 0.9, temperature: 3 }))('layer3.0.conv1.weight'), wanted)
  t.same(drawn(snapshot())('layer3.0.conv1.weight'), wanted)
  t.same(drawn(one({ branches: 2, temperature: 3 }))('branches.0.layer3.0.conv1.weight'), wanted)
  for (const method of [dml([resnet8, resnet8]), ensemble([resnet8, resnet8])]) {
    const of = drawn(method)
    t.same(of('peers.0.layer3.0.conv1.weight'), wanted, method.name)
    t.not(of('peers.1.layer3.0.conv1.weight')[0], wanted[0], 'another network, other weights')
  }
  const unshared = drawn(one({ branches: 2, temperature: 3, share: 'none' }))
  t.same(unshared('branches.0.conv1.weight'), plain('conv1.weight'))
  t.not(unshared('branches.1.conv1.weight')[0], plain('conv1.weight')[0])
  t.end()
})

t.test('steps say what each of their networks does', (t) => {
  const of = (method: Method) => names(stepOf(method).program.outputs)
  const [two, teacher] = [['cross_entropy.0', 'cross_entropy.1'], 'cross_entropy.teacher']
  const hits = ['correct.0', 'correct.1']
  t.same(of(dml([resnet8, densenet])), ['loss', ...two, 'distillation', ...hits])
  t.same(of(ensemble([resnet8, densenet])), ['loss', ...two, ...hits, 'correct.teacher'])
  t.same(of(kd({ teacher: densenet, alpha: 0.9, temperature: 3 })), ['loss', two[0], 'distillation', hits[0]])
  const undistilled = one({ branches: 2, temperature: 3, distill: 'off' })
  t.same(of(undistilled), ['loss', ...two, teacher, ...hits, 'correct.teacher'])
  t.same(names(stepOf(undistilled).program.scalars), ['learning_rate'])
  const ungated = stepOf(one({ branches: 2, temperature: 3, gate: 'average' }))
  t.notOk(names(ungated.layout.tensors).some((name) => name.startsWith('gate.')))
  t.end()
})

t.test('a teacher of kd is read, never written, and no part of evaluation', (t) => {
  const method = kd({ teacher: densenet, alpha: 0.9, temperature: 3 })
  const { program, layout } = stepOf(method)
  const frozen = layout.tensors.filter(({ role }) => role === 'frozen')
  t.same(
    names(frozen),
    names(layout.tensors).filter((name) => name.startsWith('teacher.')),
  )
  t.ok(frozen.length > 0)
  t.notOk(names(program.updates).some((name) => name.includes('teacher.')))
  const read = new Set(names(program.states))
  t.ok(
    frozen.every(({ name }) => read.has(name)),
    'each of its tensors is read',
  )
  const evaluation = captureEvaluation(smallOne({ batch: 4, method }))
  t.notOk(names(evaluation.states).some((name) => name.startsWith('teacher.')))
  t.end()
})

t.test('networks of an ensemble learn as each alone would', (t) => {
  const { program } = stepOf(ensemble([resnet8, densenet]))
  t.notOk(
    program.nodes.some(({ op, phase }) => op === 'LogMeanProbability' && phase === 'backward'),
    'nothing flows through their mean',
  )
  t.throws(() => ensemble([resnet8]), RangeError)
  t.throws(() => dml([resnet8]), RangeError)
  t.same(names(captureEvaluation(smallOne({ batch: 4, method: snapshotEnsemble(2) })).outputs).slice(-3), [
    'cross_entropy.teacher',
    'top1.teacher',
    'top5.teacher',
  ])
  t.end()
})
