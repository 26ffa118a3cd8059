import t from 'tap'
import { encodeCompileOptions } from '../../../src/engine/executors/xla/compile-options.ts'
import { lowerProgram } from '../../../src/engine/executors/xla/lower-program.ts'
import { LOWERING_CHOICES } from '../../../src/engine/executors/xla/platform-choices.ts'
import { hloNumber } from '../../../src/engine/executors/xla/stablehlo.ts'
import { toLogical, toStored } from '../../../src/engine/executors/xla/stored-layout.ts'
import { captureEvaluation } from '../../../src/engine/step/evaluation-program.ts'
import { captureTrainingStep } from '../../../src/engine/step/training-program.ts'
import { goldenText } from '../../support/golden-text.ts'
import { layoutOf } from '../../support/run-program.ts'
import { smallOne } from '../../support/small-steps.ts'

const golden = (t: Pick<typeof import('tap').t, 'equal'>, name: string, text: string) =>
  t.equal(text, goldenText(`xla/${name}`, text))

t.test('the text of a training step of two replicas', (t) => {
  const { program, layout } = captureTrainingStep(smallOne({ batch: 2, dtype: 'bf16', branches: 2 }))
  const lowered = lowerProgram(program, layout, { replicas: 2, ...LOWERING_CHOICES.gpu })
  golden(t, 'one-training-step-bf16.mlir', lowered.text)
  const shared = ['all of momentum', 'all of statistic']
  const own = layout.tensors.flatMap(({ name, role, shape }) => (shape.length > 1 || role === 'weight' ? [name] : []))
  t.same(lowered.writes, [...shared, ...own])
  t.equal(lowered.collective, true)
  t.match(lowered.inputs, [{ kind: 'images' }, { kind: 'labels' }, { kind: 'scalars', shape: [2] }])
  t.end()
})

t.test('the text of an evaluation of one replica', (t) => {
  const program = captureEvaluation(smallOne({ batch: 2, branches: 2 }))
  const lowered = lowerProgram(program, layoutOf(program), { replicas: 1, ...LOWERING_CHOICES.cpu })
  golden(t, 'one-evaluation.mlir', lowered.text)
  t.equal(lowered.collective, false)
  t.equal(lowered.writes.length, 0)
  t.end()
})

t.test('compile options are the bytes that protobuf writes', (t) => {
  const bytes = (text: string) => Uint8Array.from(text.split(' ').map((byte) => Number.parseInt(byte, 16)))
  t.same(encodeCompileOptions({ replicas: 1, deviceIds: null, flags: {} }), bytes('1a 04 20 01 28 01'))
  const two = '1a 10 20 02 28 01 4a 0a 08 02 10 01 1a 04 0a 02 00 01'
  t.same(encodeCompileOptions({ replicas: 2, deviceIds: [0, 1], flags: {} }), bytes(two))
  const flag = '1a 04 20 01 28 01 3a 0a 0a 04 78 5f 61 62 12 02 10 01'
  t.same(encodeCompileOptions({ replicas: 1, deviceIds: null, flags: { x_ab: true } }), bytes(flag))
  t.same(encodeCompileOptions({ replicas: 300, deviceIds: null, flags: {} }), bytes('1a 05 20 ac 02 28 01'))
  t.end()
})

t.test('numbers are written as the language reads them', (t) => {
  t.equal(hloNumber(1, 'f32'), '1.0e+0')
  t.equal(hloNumber(0.1, 'f32'), '1.0e-1')
  t.equal(hloNumber(-12.5, 'f32'), '-1.25e+1')
  t.equal(hloNumber(3, 'i32'), '3')
  t.equal(hloNumber(Number.NEGATIVE_INFINITY, 'bf16'), '0xFF80')
  t.throws(() => hloNumber(Number.NaN, 'f32'), { message: /a finite number/ })
  t.end()
})

t.test('tensors of rank 4 lie with their second axis last', (t) => {
  // [1, 2, 1, 3]: two channels of three pixels.
  const logical = Float32Array.of(1, 2, 3, 10, 20, 30)
  const stored = toStored(logical, [1, 2, 1, 3])
  t.same([...stored], [1, 10, 2, 20, 3, 30])
  t.same([...toLogical(stored, [1, 2, 1, 3])], [...logical])
  t.equal(toStored(logical, [6]), logical)
  t.end()
})
