/** What `--init` takes of weights that were trained before, and what stays as it was drawn. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { type GivenSettings, makeConfig } from '../../src/config/make-config.ts'
import { specifyStep } from '../../src/config/specification.ts'
import { describeDataset } from '../../src/data/datasets/describe-dataset.ts'
import { viewState } from '../../src/engine/graph/state-layout.ts'
import { captureTrainingStep } from '../../src/engine/step/training-program.ts'
import { ProgressDisplay } from '../../src/report/progress.ts'
import { latestCheckpoint } from '../../src/train/checkpoint/checkpoint.ts'
import { exportBranch } from '../../src/train/checkpoint/export.ts'
import { type NamedTensor, readSafetensors, writeSafetensors } from '../../src/train/checkpoint/safetensors.ts'
import { fillInitialState } from '../../src/train/run/initial-state.ts'
import { loadImages } from '../../src/train/run/load-images.ts'
import { train } from '../../src/train/run/train.ts'
import { TINY_ARCHIVE } from './run-cli.ts'

t.setTimeout(300_000)
const cwd = t.testdir()
const TINY = { network: 'resnet-8', dataset: 'cifar10', data: TINY_ARCHIVE, batch: 16 } as const

/** The state that a run of these settings begins with, by name, and what is said of it. */
async function begin(given: GivenSettings) {
  const config = await makeConfig(null, { ...TINY, method: 'vanilla', out: join(cwd, 'none'), ...given })
  const step = captureTrainingStep(specifyStep(config, await describeDataset(config), 1))
  const state = new SharedArrayBuffer(4 * step.layout.elements)
  const notes = await fillInitialState(config, step, state)
  const tensors = step.layout.tensors.filter(({ role }) => role !== 'optimizer')
  return { notes: notes.join('\n'), tensors: new Map(tensors.map((one) => [one.name, viewState(one, state)])) }
}

async function trainOneStep(name: string, settings: GivenSettings): Promise<string> {
  const config = await makeConfig(null, { ...TINY, steps: 1, out: join(cwd, name), ...settings })
  const display = new ProgressDisplay({ write: () => undefined })
  await train(config, loadImages(config), { display, stop: new AbortController().signal })
  return config.out
}

const isClassifier = (name: string) => /(^|\.)fc\.(weight|bias)$/.test(name) && !name.startsWith('gate.')
const plainName = (name: string) => name.replace(/^(branches|peers)\.\d+\./, '')

/** All but the named tensors are the source's, and those are as a run without `--init` begins. */
function sameAs(
  t: Test,
  begun: ReadonlyMap<string, Float32Array>,
  source: readonly NamedTensor[],
  drawn: ReadonlyMap<string, Float32Array>,
  isDrawn: (name: string) => boolean,
) {
  const given = new Map(source.map(({ name, data }) => [name, data]))
  for (const [name, data] of begun) {
    t.same(data, isDrawn(name) ? drawn.get(name) : (given.get(name) ?? given.get(plainName(name))), name)
  }
}

const plainRun = await trainOneStep('plain', { method: 'vanilla', seed: 7 })
const oneRun = await trainOneStep('one', { method: 'one', branches: 2, seed: 8 })
const plainFile = join(cwd, 'plain.safetensors')
await exportBranch((await latestCheckpoint(plainRun)) ?? '', 0, plainFile)
const plain = await readSafetensors(plainFile)
const branchFile = join(cwd, 'branch.safetensors')
await exportBranch((await latestCheckpoint(oneRun)) ?? '', 0, branchFile)
const branch = await readSafetensors(branchFile)

t.test('a run, its checkpoint and its export begin with the same weights', async (t) => {
  for (const init of [plainRun, (await latestCheckpoint(plainRun)) ?? '', plainFile]) {
    sameAs(t, (await begin({ init })).tensors, plain, new Map(), () => false)
  }
})

t.test('a run of ONE gives its first branch to a plain network', async (t) => {
  sameAs(t, (await begin({ init: oneRun })).tensors, branch, new Map(), () => false)
})

t.test('a plain network fills the trunk and every branch of ONE, not the gate', async (t) => {
  const settings = { method: 'one', branches: 3 }
  const { tensors, notes } = await begin({ ...settings, init: plainFile })
  sameAs(t, tensors, plain, (await begin(settings)).tensors, (name) => name.startsWith('gate.'))
  t.match(notes, /each of the 3 members/)
  t.match(notes, /6 tensors begin as drawn: gate\.fc\.weight, gate\.fc\.bias, .* and 3 more/)
})

t.test('peers that nothing else tells apart keep classifiers of their own', async (t) => {
  const settings = { method: 'dml', peers: '2' }
  const { tensors, notes } = await begin({ ...settings, init: plainFile })
  const isDrawn = (name: string) => name.startsWith('peers.1.fc.')
  sameAs(t, tensors, plain, (await begin(settings)).tensors, isDrawn)
  t.match(notes, /made anew .*peers\.1\.fc\.weight, peers\.1\.fc\.bias/)
})

t.test('a classifier of other classes is made anew, and that is said', async (t) => {
  const settings = { dataset: 'cifar100', method: 'one', branches: 2 }
  const drawn = (await begin(settings)).tensors
  for (const init of [plainFile, oneRun]) {
    const { tensors, notes } = await begin({ ...settings, init })
    const source =
      init === oneRun ? await readSafetensors(join((await latestCheckpoint(oneRun)) ?? '', 'model.safetensors')) : plain
    sameAs(t, tensors, source, drawn, (name) => isClassifier(name) || (init !== oneRun && name.startsWith('gate.')))
    t.match(notes, /classifier is made anew for these 100 classes \(branches\.0\.fc\.weight, .*trained on 10 classes/)
  }
})

t.test(
  'as many classes of other names are other classes; a file that does not say them is taken as it is',
  async (t) => {
    const { tensors, notes } = await begin({ dataset: 'svhn', init: plainFile })
    sameAs(t, tensors, plain, (await begin({ dataset: 'svhn' })).tensors, isClassifier)
    t.match(notes, /made anew for these 10 classes/)
    const bare = join(cwd, 'bare.safetensors')
    await writeSafetensors(bare, plain)
    sameAs(t, (await begin({ dataset: 'svhn', init: bare })).tensors, plain, new Map(), () => false)
  },
)

t.test('what is missing, odd or of another shape is refused, unless the rest is to do', async (t) => {
  const file = join(cwd, 'missing.safetensors')
  const isMissing = (name: string) => name.startsWith('layer3.0.')
  await writeSafetensors(
    file,
    plain.filter(({ name }) => !isMissing(name)),
  )
  await t.rejects(begin({ init: file }), {
    name: 'UserFault',
    message:
      /the tensors of this network for .*missing\.safetensors but \d+ differ:\n {2}layer3\.0\.conv1\.weight \[64, 32, 3, 3\] is missing/,
    remedy: /--network.*--init-partial/,
  })
  const { tensors, notes } = await begin({ init: file, initPartial: 'on' })
  sameAs(t, tensors, plain, (await begin({})).tensors, isMissing)
  t.match(notes, /tensors begin as drawn: layer3\.0\.conv1\.weight/)
  await t.rejects(trainOneStep('refused', { init: plainFile, network: 'resnet-14' }), { message: /differ/ })
  const other = { init: plainFile, network: 'densenet-bc-10-12', initPartial: 'on' }
  await t.rejects(trainOneStep('refused', { ...other }), { message: /a tensor or more of this network .* none/ })
  t.notOk(existsSync(join(cwd, 'refused')), 'nothing was made')
  await t.rejects(begin({ initPartial: 'on' }), { message: /--init for --init-partial/ })
})
