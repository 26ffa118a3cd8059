import t, { type Test } from 'tap'
import type { Executor } from '../../src/engine/executors/executor.ts'
import { GraphBuilder, type Value } from '../../src/engine/graph/graph-builder.ts'
import { ACTIVATIONS } from '../../src/engine/graph/ops/activation.ts'
import type { OpAttributes, OpName } from '../../src/engine/graph/ops.ts'
import type { StoredTensor } from '../../src/train/checkpoint/safetensors.ts'
import { applyGradientRule } from '../support/apply-gradient-rule.ts'
import { differences } from '../support/compare-tensors.ts'
import { executors } from '../support/executors.ts'
import { type PyTorchCase, readPyTorchCases } from '../support/pytorch-fixtures.ts'
import { type ProgramRun, runProgram } from '../support/run-program.ts'

/** Single operations, forward and gradient, against numbers that PyTorch wrote, on each executor. */
const pytorch = await readPyTorchCases()
const TOLERANCE = { relative: 1e-4, scale: 1e-5 }

const CONVOLUTIONS = [
  'conv_3x3',
  'conv_3x3_stride_2_odd',
  'conv_3x3_stride_2_even',
  'conv_1x1_stride_2_odd',
  'conv_7x7_stride_2',
  'conv_grouped',
  'conv_grouped_stride_2',
  'conv_depthwise',
  'conv_depthwise_stride_2',
  'conv_depthwise_5x5',
]
const POOLINGS = [
  ['max_pool_3x3_stride_2', 'MaxPool'],
  ['max_pool_2x2', 'MaxPool'],
  ['average_pool_3x3_stride_2', 'AveragePool'],
  ['average_pool_2x2', 'AveragePool'],
] as const
const CROSS_ENTROPIES = [
  ['cross_entropy', 0],
  ['cross_entropy_smoothed', 0.1],
] as const
// The labels of these cases in scripts/pytorch/op_cases.py.
const CROSS_ENTROPY_LABELS = Int32Array.of(3, 0, 6, 6, 2)

for (const { name: executorName, executor } of executors) {
  t.test(executorName, (t) => {
    const check = (t: Test, run: ProgramRun, wanted: Readonly<Record<string, StoredTensor>>) => {
      const tensors = new Map(Object.entries(wanted).map(([role, { data }]) => [role, data]))
      t.same(differences(run.outputs, tensors, TOLERANCE), [])
      t.end()
    }
    for (const name of CONVOLUTIONS) {
      t.test(name, (t) => {
        const given = pytorch(name)
        const [stride, padding, groups] = [given.setting('stride'), given.setting('padding'), given.setting('groups')]
        const run = runWithGradient(executor, given, 'Conv2D', ['input', 'weight'], { stride, padding, groups })
        check(t, run, { output: given.tensor('output'), ...gradients(given, ['input', 'weight']) })
      })
    }
    for (const name of ['batch_norm', 'batch_norm_rows']) {
      t.test(name, (t) => {
        const given = pytorch(name)
        const attributes = { epsilon: given.setting('epsilon'), activation: null, residual: false }
        const run = runWithGradient(executor, given, 'BatchNorm', ['input', 'weight', 'bias'], attributes)
        check(t, run, { output: given.tensor('output'), ...gradients(given, ['input', 'weight', 'bias']) })
      })
    }
    t.test('running averages and inference of batch_norm', (t) => {
      const given = pytorch('batch_norm')
      const roles = ['input', 'weight', 'bias', 'running_mean', 'running_var']
      const weight = given.setting('runningWeight')
      const { shape } = given.tensor('input')
      const count = shape.reduce((product, size) => product * size, 1) / (shape[1] ?? 1)
      const attributes = { epsilon: given.setting('epsilon'), activation: null, residual: false }
      const graph = new GraphBuilder(shape[0] ?? 0)
      const states = captureStates(graph, given, roles)
      const inference = graph.applyOne('BatchNormInference', states, attributes)
      const [, batchMean, batchVariance] = graph.apply('BatchNorm', states.slice(0, 3), attributes)
      const updates = [
        { name: 'running_mean', running: states[3], batch: batchMean, correction: 1 },
        { name: 'running_var', running: states[4], batch: batchVariance, correction: count / (count - 1) },
      ].map(({ name, running, batch, correction }) => {
        const reduced = graph.applyOne('AllReduceMean', [present(batch)], {})
        return { name, value: graph.applyOne('RunningAverage', [present(running), reduced], { weight, correction }) }
      })
      const program = graph.finish('batch_norm', [{ name: 'inference', value: inference }], updates)
      const run = runProgram(executor, program, { state: statesOf(given, roles) })
      const wanted = { inference: 'inference_output', running_mean: 'updated_mean', running_var: 'updated_var' }
      const results = new Map([...run.state, ...run.outputs])
      const tensors = new Map(Object.entries(wanted).map(([name, role]) => [name, given.tensor(role).data]))
      t.same(differences(results, tensors, TOLERANCE), [])
      t.end()
    })
    t.test('linear', (t) => {
      const given = pytorch('linear')
      const run = runWithGradient(executor, given, 'Linear', ['input', 'weight', 'bias'], {})
      check(t, run, { output: given.tensor('output'), ...gradients(given, ['input', 'weight', 'bias']) })
    })
    t.test('global_average_pool', (t) => {
      const given = pytorch('global_average_pool')
      const run = runWithGradient(executor, given, 'GlobalAveragePool', ['input'], {})
      check(t, run, { output: given.tensor('output'), ...gradients(given, ['input']) })
    })
    for (const name of ACTIVATIONS) {
      t.test(name, (t) => {
        const given = pytorch(name)
        const run = runWithGradient(executor, given, 'Activation', ['input'], { function: name })
        check(t, run, { output: given.tensor('output'), ...gradients(given, ['input']) })
      })
    }
    for (const [name, op] of POOLINGS) {
      t.test(name, (t) => {
        const given = pytorch(name)
        const [kernel, stride, padding] = [given.setting('kernel'), given.setting('stride'), given.setting('padding')]
        const run = runWithGradient(executor, given, op, ['input'], { kernel, stride, padding })
        check(t, run, { output: given.tensor('output'), ...gradients(given, ['input']) })
      })
    }
    for (const [name, smoothing] of CROSS_ENTROPIES) {
      t.test(name, (t) => {
        const given = pytorch(name)
        const graph = new GraphBuilder(CROSS_ENTROPY_LABELS.length)
        const logits = captureStates(graph, given, ['logits'])
        const loss = graph.applyOne('CrossEntropy', [...logits, graph.labels()], { reduction: 'mean', smoothing })
        const [gradient] = applyGradientRule(graph, () => graph.applyOne('Constant', [], { value: 1 }))
        const program = graph.finish('cross_entropy', named({ loss, d_logits: present(gradient) }))
        const state = statesOf(given, ['logits'])
        const run = runProgram(executor, program, { state, labels: CROSS_ENTROPY_LABELS })
        check(t, run, { loss: given.tensor('loss'), ...gradients(given, ['logits']) })
      })
    }
    t.test('divergence', (t) => {
      const given = pytorch('divergence')
      const temperature = given.setting('temperature')
      const roles = ['teacher', 'student']
      const graph = new GraphBuilder(given.tensor('teacher').shape[0] ?? 0)
      // PyTorch's case is T^2 KL.
      const divergence = graph.applyOne('KullbackLeibler', captureStates(graph, given, roles), { temperature })
      const [, gradient] = applyGradientRule(graph, () => graph.applyOne('Constant', [], { value: temperature ** 2 }))
      const loss = graph.applyOne('Scale', [divergence], { factor: temperature ** 2 })
      const program = graph.finish('divergence', named({ loss, d_student: present(gradient) }))
      const run = runProgram(executor, program, { state: statesOf(given, roles) })
      check(t, run, { loss: given.tensor('loss'), ...gradients(given, ['student']) })
    })
    t.test('nesterov_sgd', (t) => {
      const given = pytorch('nesterov_sgd')
      const [weight, drawn, updated] = [given.tensor('weight'), given.tensor('gradients'), given.tensor('updated')]
      const count = weight.data.length
      // The gradient arrives as that of a linear layer's weights [1, count] with dy = 1, as in a network.
      const graph = new GraphBuilder(1)
      const [x, dy] = [graph.state('x', [1, count]), graph.state('dy', [1, 1])]
      const [local] = graph.apply('LinearBackpropWeights', [x, dy], {})
      const gradient = graph.applyOne('AllReduceMean', [present(local)], {})
      const operands = [graph.state('weight', [1, count]), graph.state('momentum.weight', [1, count]), gradient]
      const attributes = { momentum: given.setting('momentum'), weightDecay: given.setting('weightDecay') }
      const [next, momentum] = graph.apply('SgdNesterov', [...operands, graph.scalar('learning_rate')], attributes)
      const updates = named({ weight: present(next), 'momentum.weight': present(momentum) })
      const program = graph.finish('nesterov_sgd', [], updates)
      let state: ReadonlyMap<string, Float32Array> = new Map([['weight', weight.data]])
      for (let update = 0; update < given.setting('updates'); update++) {
        const step = (tensor: StoredTensor) => tensor.data.subarray(update * count, (update + 1) * count)
        const fed = new Map([...state, ['x', step(drawn)], ['dy', Float32Array.of(1)]])
        state = runProgram(executor, program, { state: fed, scalars: [given.setting('learningRate')] }).state
        t.same(differences(state, new Map([['weight', step(updated)]]), TOLERANCE), [], `update ${update}`)
      }
      t.same(differences(state, new Map([['momentum.weight', given.tensor('momentum').data]]), TOLERANCE), [])
      t.end()
    })
    t.end()
  })
}

/** Runs an op on PyTorch's inputs, and its gradient rule on PyTorch's `d_output`. */
function runWithGradient<N extends OpName>(
  executor: Executor,
  given: PyTorchCase,
  op: N,
  roles: readonly string[],
  attributes: OpAttributes[N],
): ProgramRun {
  const graph = new GraphBuilder(given.tensor(roles[0] ?? '').shape[0] ?? 0)
  const [output] = graph.apply(op, captureStates(graph, given, roles), attributes)
  const leaving = applyGradientRule(graph, ({ shape }) => graph.state('d_output', shape))
  const outputs = roles.map((role, place) => ({ name: `d_${role}`, value: present(leaving[place]) }))
  const program = graph.finish(op, [{ name: 'output', value: present(output) }, ...outputs])
  return runProgram(executor, program, { state: statesOf(given, [...roles, 'd_output']) })
}

function captureStates(graph: GraphBuilder, given: PyTorchCase, roles: readonly string[]): Value[] {
  return roles.map((role) => graph.state(role, given.tensor(role).shape))
}

function statesOf(given: PyTorchCase, roles: readonly string[]): Map<string, Float32Array> {
  return new Map(roles.map((role) => [role, given.tensor(role).data]))
}

function gradients(given: PyTorchCase, roles: readonly string[]): Record<string, StoredTensor> {
  return Object.fromEntries(roles.map((role) => [`d_${role}`, given.tensor(`d_${role}`)]))
}

function named(values: Readonly<Record<string, Value>>): { name: string; value: Value }[] {
  return Object.entries(values).map(([name, value]) => ({ name, value }))
}

function present<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new Error('Expected a value')
  return value
}
