/** `--freeze` and `--lr-scale`: what they change, what they leave, and that a resumed run is the same run. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import { type GivenSettings, makeConfig, readConfig } from '../../src/config/make-config.ts'
import { specifyStep } from '../../src/config/specification.ts'
import { describeDataset } from '../../src/data/datasets/describe-dataset.ts'
import { captureTrainingStep } from '../../src/engine/step/training-program.ts'
import { ProgressDisplay } from '../../src/report/progress.ts'
import { latestCheckpoint, loadCheckpoint } from '../../src/train/checkpoint/checkpoint.ts'
import { loadImages } from '../../src/train/run/load-images.ts'
import { resume, train } from '../../src/train/run/train.ts'
import { TINY_ARCHIVE } from './run-cli.ts'

t.setTimeout(300_000)
const cwd = t.testdir()
const TINY = { network: 'resnet-8', dataset: 'cifar10', data: TINY_ARCHIVE, batch: 16, method: 'vanilla' } as const
const hooks = (stop = new AbortController().signal) => ({
  display: new ProgressDisplay({ write: () => undefined }),
  stop,
})

async function trainTiny(name: string, settings: GivenSettings, stopAfter = Number.POSITIVE_INFINITY) {
  const config = await makeConfig(null, { ...TINY, out: join(cwd, name), ...settings })
  const stop = new AbortController()
  const observe = () => ({
    step: async ({ step }: { readonly step: number }) => {
      if (step >= stopAfter) stop.abort()
    },
  })
  return await train(config, loadImages(config), { ...hooks(stop.signal), observe })
}

/** Weights and running averages, and the optimizer's states, of the newest checkpoint. */
async function stateOf(name: string) {
  const { tensors } = await loadCheckpoint((await latestCheckpoint(join(cwd, name))) ?? '')
  return { model: new Map(tensors.model.map((one) => [one.name, one.data])), optimizer: [...tensors.optimizer] }
}

await trainTiny('first', { steps: 2, seed: 5 })
const init = join(cwd, 'first')
const before = (await stateOf('first')).model
const same = (one: Float32Array, other: Float32Array | undefined) => isDeepStrictEqual(one, other)
const FROZEN = /^(conv1|bn1|layer1)\./

t.test('what is frozen stays to the bit, its running averages with it; all else learns', async (t) => {
  await trainTiny('frozen', { init, freeze: 'conv1,bn1,layer1', steps: 3 })
  const { model, optimizer } = await stateOf('frozen')
  t.same([...model.keys()].sort(), [...before.keys()].sort(), 'a checkpoint has all of the network')
  for (const [name, data] of model) {
    t.equal(same(data, before.get(name)), FROZEN.test(name), name)
  }
  t.notOk(
    optimizer.some(([name]) => FROZEN.test(name.replace('momentum.', ''))),
    'the optimizer keeps nothing for it',
  )
})

t.test('the classifier alone, in each branch of ONE', async (t) => {
  await trainTiny('probe', { init, method: 'one', branches: 2, freeze: '*,!fc,!gate', steps: 2 })
  for (const [name, data] of (await stateOf('probe')).model) {
    const plain = name.replace(/^branches\.\d\./, '')
    if (name.startsWith('gate.')) continue
    t.equal(same(data, before.get(plain)), !plain.startsWith('fc.'), name)
  }
})

t.test('a stopped run with both goes on to the same bits', async (t) => {
  const settings = { init, freeze: 'conv1,bn1', lrScale: 'layer*=0.1,fc=2', steps: 6 }
  await trainTiny('whole', settings)
  t.equal((await trainTiny('stopped', settings, 3)).ended, 'interrupted')
  const config = await readConfig(join(cwd, 'stopped'))
  t.equal((await resume(config, loadImages(config), hooks())).ended, 'finished')
  t.ok(isDeepStrictEqual(await stateOf('stopped'), await stateOf('whole')))
})

t.test('the first step of plain SGD is as long as its factor says', async (t) => {
  const settings = { init, steps: 1, momentum: 0, weightDecay: 0, learningRate: 0.5 }
  await trainTiny('usual', settings)
  await trainTiny('scaled', { ...settings, lrScale: 'layer2.*.conv1=0.25,layer2=4' })
  const [usual, scaled] = [(await stateOf('usual')).model, (await stateOf('scaled')).model]
  for (const [name, data] of scaled) {
    if (name.includes('running_')) continue
    const factor = /^layer2\.\d+\.conv1/.test(name) ? 0.25 : name.startsWith('layer2.') ? 4 : 1
    const [from, to] = [before.get(name) ?? data, usual.get(name) ?? data]
    const distances = data.map((value, at) => Math.abs(value - from[at]! - factor * (to[at]! - from[at]!)))
    const largest = distances.reduce((most, distance) => Math.max(most, distance), 0)
    t.ok(largest <= 1e-6, `${name}: ${largest}`)
  }
})

t.test('nothing is computed for what is frozen', async (t) => {
  const nodesOf = async (settings: GivenSettings) => {
    const config = await makeConfig(null, { ...TINY, init, out: 'none', ...settings })
    const { program } = captureTrainingStep(specifyStep(config, await describeDataset(config), 1))
    return program.nodes.filter(({ phase, label }) => phase !== 'forward' && FROZEN.test(`${label}.`))
  }
  t.not((await nodesOf({})).length, 0)
  t.same(await nodesOf({ freeze: 'conv1,bn1,layer1' }), [])
})

t.test('what cannot be is refused before anything is made', async (t) => {
  const cases: [settings: GivenSettings, message: RegExp][] = [
    [{ freeze: 'conv1' }, /--init for --freeze but received nothing/],
    [{ init, freeze: 'conv1,layr1' }, /a layer or parameter of this network for --freeze but received layr1/],
    [{ init, freeze: '*' }, /a parameter to train for --freeze but received \*/],
    [
      { init, freeze: 'bn1' },
      /frozen layers before a batch norm that is frozen for bn1 but received layers that are trained/,
    ],
    [{ init, freeze: 'layer2' }, /for layer2\.0\.bn1 but received layers that are trained/],
    [{ lrScale: 'layer9=0.1' }, /network that is trained for --lr-scale but received layer9/],
    [{ init, freeze: 'conv1,bn1', lrScale: 'conv1=2' }, /that is trained for --lr-scale but received conv1/],
  ]
  for (const [settings, message] of cases) {
    await t.rejects(trainTiny('refused', { steps: 1, ...settings }), { name: 'UserFault', message })
  }
  t.notOk(existsSync(join(cwd, 'refused')))
})
