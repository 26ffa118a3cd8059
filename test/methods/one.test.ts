import t from 'tap'
import { appendGradients } from '../../src/engine/graph/gradients.ts'
import { GraphBuilder } from '../../src/engine/graph/graph-builder.ts'
import { one } from '../../src/engine/methods/one.ts'
import { Layers } from '../../src/engine/networks/layers.ts'
import type { Network } from '../../src/engine/networks/network.ts'
import { differences } from '../support/compare-tensors.ts'
import { executors } from '../support/executors.ts'
import { readPyTorchCases } from '../support/pytorch-fixtures.ts'
import { runProgram } from '../support/run-program.ts'

/** Gate, teacher and objective with all their gradients, as PyTorch has them. */
const given = (await readPyTorchCases())('gated_teacher')
// The labels of the case in scripts/pytorch/op_cases.py.
const LABELS = Int32Array.of(0, 4, 2, 2, 1, 3, 0)
const GATE = ['gate.fc.weight', 'gate.fc.bias', 'gate.bn.weight', 'gate.bn.bias']

t.test('gate, teacher, objective and gradients are those of PyTorch', (t) => {
  const [branches = 0, batch = 0, classes = 0] = given.tensor('logits').shape
  const temperature = given.setting('temperature')
  const graph = new GraphBuilder(batch)
  const features = graph.state('features', given.tensor('features').shape)
  const logits = Array.from({ length: branches }, (_, branch) => graph.state(`logits.${branch}`, [batch, classes]))
  // A network that is its branches' logits, drawn by PyTorch.
  let branch = 0
  const network: Network = {
    name: 'drawn',
    trunk: () => features,
    branch: () => logits[branch++] ?? features,
  }
  const method = one({ branches, temperature })
  const predictions = method.capture(new Layers(graph, 'f32', true), network, features, classes)
  const weight = graph.scalar('distillation_weight')
  const { total, parts } = method.objective(graph, predictions, { labels: graph.labels(), shares: null }, () => weight)
  const gate = graph.parameters.filter(({ kind }) => kind === 'weight')
  t.same(
    gate.map(({ name }) => name),
    GATE,
  )
  const towards = [features, ...logits, ...gate.map(({ value }) => value)]
  const gradients = appendGradients(graph, total, towards)
  const names = ['d_features', ...logits.map((_, index) => `d_logits.${index}`), ...GATE.map((name) => `d_${name}`)]
  const probabilities = graph.nodes.find(({ op }) => op === 'Softmax')?.outputs[0]
  const program = graph.finish('gated_teacher', [
    { name: 'gate', value: graph.value(probabilities ?? -1) },
    { name: 'teacher', value: predictions.teacher ?? features },
    { name: 'loss', value: total },
    ...parts.map(({ name, value }) => ({ name, value })),
    ...gradients.map((value, index) => ({ name: names[index] ?? '', value })),
  ])

  const weightOfDistillation = given.setting('distillationWeight')
  const part = (role: string, index: number) =>
    given.tensor(role).data.slice(index * batch * classes, (index + 1) * batch * classes)
  const state = new Map([
    ['features', given.tensor('features').data],
    ...logits.map((_, index): [string, Float32Array] => [`logits.${index}`, part('logits', index)]),
    ...GATE.map((name): [string, Float32Array] => [name, given.tensor(name).data]),
  ])
  const wanted = new Map([
    ['gate', given.tensor('gate').data],
    ['teacher', given.tensor('teacher').data],
    ['loss', given.tensor('loss').data],
    ['cross_entropy.teacher', given.tensor('teacher_loss').data],
    // PyTorch's is the term before the ramp-up's weight, ours is what the objective adds.
    ['distillation', given.tensor('distillation').data.map((value) => value * weightOfDistillation)],
    ['d_features', given.tensor('d_features').data],
    ...logits.map((_, index): [string, Float32Array] => [`d_logits.${index}`, part('d_logits', index)]),
    // That of the bias is zero but for rounding: a batch norm takes it out.
    ...GATE.filter((name) => name !== 'gate.fc.bias').map((name): [string, Float32Array] => [
      `d_${name}`,
      given.tensor(`d_${name}`).data,
    ]),
  ])
  for (const { name, executor } of executors) {
    const { outputs } = runProgram(executor, program, { state, labels: LABELS, scalars: [weightOfDistillation] })
    t.same(differences(outputs, wanted, { relative: 1e-4, scale: 1e-5 }), [], name)
    t.ok(Math.max(...Array.from(outputs.get('d_gate.fc.bias') ?? [Number.NaN], Math.abs)) < 1e-5, name)
  }
  t.end()
})

t.test('one branch is no ensemble', (t) => {
  for (const branches of [1, 2.5, Number.NaN]) {
    t.throws(() => one({ branches, temperature: 3 }), /Expected at least 2 branches for ONE but received/)
  }
  t.end()
})

t.test('the gate has a probability for each branch, however many there are', (t) => {
  for (const branches of [2, 5]) {
    const graph = new GraphBuilder(4)
    const network: Network = {
      name: 'pooled',
      trunk: (_, images) => images,
      branch: (layers, x, classes) => layers.linear('fc', layers.globalAveragePool('avgpool', x), classes),
    }
    const images = graph.state('images', [4, 3, 8, 8])
    const predictions = one({ branches, temperature: 3 }).capture(new Layers(graph, 'f32', true), network, images, 7)
    t.equal(predictions.branches.length, branches)
    t.same(predictions.teacher?.shape, [4, 7])
    t.same(graph.value(graph.nodes.find(({ op }) => op === 'Softmax')?.outputs[0] ?? -1).shape, [4, branches])
    const own = graph.parameters
      .filter(({ name }) => name.startsWith('branches.'))
      .map(({ name }) => name.split('.')[1])
    t.same(
      [...new Set(own)],
      Array.from({ length: branches }, (_, branch) => `${branch}`),
    )
  }
  t.end()
})
