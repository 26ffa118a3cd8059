import { join } from 'node:path'
import t from 'tap'
import { findState, layOutState, viewState } from '../../src/engine/graph/state-layout.ts'
import { saveCheckpoint } from '../../src/train/checkpoint/checkpoint.ts'
import { exportBranch } from '../../src/train/checkpoint/export.ts'
import { readSafetensors, writeSafetensors } from '../../src/train/checkpoint/safetensors.ts'
import { isBatchCounter, loadWeights, restoreState, snapshotState } from '../../src/train/checkpoint/state-tensors.ts'
import { checkpointAt, filledState, smallLayout } from './small-run.ts'

t.test('a snapshot stays as it was while the state changes', async (t) => {
  const state = filledState(1)
  const snapshot = snapshotState(smallLayout, state)
  new Float32Array(state).fill(-1)
  t.same(snapshot, snapshotState(smallLayout, filledState(1)))
  t.same(
    snapshot.model.map(({ name }) => name),
    ['conv1.weight', 'branches.0.fc.weight', 'branches.1.fc.weight', 'gate.fc.weight', 'bn1.running_mean'],
  )
  t.same(
    [...snapshot.optimizer.keys()],
    ['conv1.weight', 'branches.0.fc.weight', 'branches.1.fc.weight', 'gate.fc.weight'].map(
      (name) => `momentum.${name}`,
    ),
  )
})

const otherLayout = layOutState(
  [
    { name: 'conv1.weight', shape: [2, 3, 3, 3] },
    { name: 'fc.weight', shape: [4, 2] },
    { name: 'gate.fc.weight', shape: [2, 2] },
  ],
  [{ name: 'bn1.running_mean', shape: [2] }],
  [],
  ['momentum'],
)
const modelDifferences = [
  'conv1.weight has shape [2, 3, 1, 1], not [2, 3, 3, 3]',
  'fc.weight [4, 2] is missing',
  'branches.0.fc.weight [4, 2] is not part of this network',
  'branches.1.fc.weight [4, 2] is not part of this network',
]

t.test('the first differences are listed, and the state stays untouched', async (t) => {
  const state = filledState(3, otherLayout)
  try {
    restoreState(otherLayout, state, checkpointAt(1).tensors, 'step-00000001')
    t.fail('another network was taken')
  } catch (error) {
    const message = error instanceof Error ? error.message : ''
    t.same(
      message.split('\n').slice(1),
      [...modelDifferences.slice(0, 3), 'and 5 more'].map((line) => `  ${line}`),
    )
    t.match(message, /for step-00000001 but 8 differ/)
  }
  t.same(new Float32Array(state), new Float32Array(filledState(3, otherLayout)))
})

t.test('initial weights leave the states of the optimizer, and counters of PyTorch are passed over', async (t) => {
  const path = join(t.testdir(), 'init.safetensors')
  const { model } = checkpointAt(5).tensors
  const counter = { name: 'bn1.num_batches_tracked', shape: [], data: Float32Array.of(10) }
  await writeSafetensors(path, [...model, counter])
  const state = filledState(1)
  const modelOf = (layout: typeof smallLayout) => layout.tensors.filter(({ role }) => role !== 'optimizer')
  const stored = await readSafetensors(path, { ignore: isBatchCounter })
  loadWeights(modelOf(smallLayout), stored, state, path, 'Name it.')
  for (const tensor of smallLayout.tensors) {
    const source = filledState(tensor.role === 'optimizer' ? 1 : 5)
    t.same(viewState(tensor, state), viewState(tensor, source), tensor.name)
  }
  const other = filledState(2, otherLayout)
  t.throws(() => loadWeights(modelOf(otherLayout), stored, other, path, 'Name it.'), {
    name: 'UserFault',
    message: new RegExp(modelDifferences[0]?.replaceAll(/[[\]]/g, '\\$&') ?? ''),
    remedy: 'Name it.',
  })
  t.same(new Float32Array(other), new Float32Array(filledState(2, otherLayout)))
})

t.test('an exported branch is the plain network', async (t) => {
  const run = t.testdir()
  const folder = await saveCheckpoint(run, checkpointAt(5), 1)
  const out = join(run, 'branch.safetensors')
  await exportBranch(folder, 1, out)
  const read = await readSafetensors(out)
  t.same(
    read.map(({ name }) => name),
    ['bn1.running_mean', 'conv1.weight', 'fc.weight'],
  )
  t.same(read.at(-1)?.data, viewState(findState(smallLayout, 'branches.1.fc.weight'), filledState(5)))
  await t.rejects(exportBranch(folder, 2, out), { name: 'UserFault', message: /a branch from 0 to 1 .* received 2/ })
  await t.rejects(exportBranch(folder, 0, join(run, 'no', 'folder')), { name: 'UserFault' })
  t.same(await readSafetensors(out), read, 'a failing export leaves the file as it was')
})

t.test('a plain network is exported whole', async (t) => {
  const run = t.testdir()
  const layout = layOutState([{ name: 'fc.weight', shape: [2, 2] }], [], [], ['momentum'])
  const checkpoint = { ...checkpointAt(1), tensors: snapshotState(layout, filledState(1, layout)) }
  const folder = await saveCheckpoint(run, checkpoint, 1)
  const written = await exportBranch(folder, 0, join(run, 'out.safetensors'))
  t.same(
    written.map(({ name }) => name),
    ['fc.weight'],
  )
  await t.rejects(exportBranch(folder, 1, join(run, 'out.safetensors')), { message: /branch 0 .* received 1/ })
})
