/** Networks, methods, optimizers and augmentations of the user's: from modules and from code, resumed, and given wrongly. */
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import {
  defineAugmentation,
  defineDataset,
  defineMethod,
  defineNetwork,
  defineOptimizer,
  evaluate,
  loadModel,
  resume,
  type TrainOptions,
  train,
} from 'native-ensemble'
import { appendUpdate, findNetwork, one, writeUpdate } from 'native-ensemble/engine'
import t from 'tap'
import { runCli, TINY_ARCHIVE, TRAIN_TINY } from '../trainer/run-cli.ts'

t.setTimeout(300_000)
const cwd = t.testdir({
  'network.js': `
    export const network = {
      name: 'plain',
      trunk: (layers, images) => layers.batchNorm('bn1', layers.conv('conv1', images, 8, 3, { stride: 2 }), { activation: 'relu' }),
      branch: (layers, features, classes) => layers.linear('fc', layers.globalAveragePool('pool', features), classes),
    }`,
  'method.js': `
    import { crossEntropy, sumOfParts } from 'native-ensemble/engine'
    export default {
      name: 'plain', create: () => ({
        capture: (layers, network, images, classes) =>
          ({ branches: [network.branch(layers, network.trunk(layers, images), classes)], teacher: null }),
        objective: (graph, { branches: [logits] }, targets) => sumOfParts(graph, [crossEntropy(graph, logits, targets, '0')]),
      }),
    }`,
  'noise.js': `
    export const augmentation = { base: 'none', apply: ({ pixels, label, epoch, sample }, random) => {
      for (let place = 0; place < pixels.length; place++) pixels[place] = 255 - pixels[place]
      pixels[0] = random.below(256)
    } }`,
  'nothing.js': 'export const other = 1',
  'broken.js': 'export const network = (',
  'shapes.js': `
    export const network = { name: 'shapes', trunk: (layers, images) => layers.conv('conv1', images, 8, 3),
      branch: (layers, features) => layers.linear('fc', layers.globalAveragePool('pool', features), 7) }`,
  'throws.js': `
    export const network = { name: 'throws', trunk: (layers, images) => layers.linear('fc', images, 8), branch: () => null }
    export const augmentation = { apply: ({ sample }) => { if (sample === 3) throw new Error('not this one') } }`,
  'loss.js': `
    export const method = { name: 'loss', create: () => ({
      capture: (layers, network, images, classes) =>
        ({ branches: [network.branch(layers, network.trunk(layers, images), classes)], teacher: null }),
      objective: (graph, { branches: [logits] }) => ({ total: logits, parts: [] }),
    }) }`,
})
const path = (name: string) => join(cwd, name)
const TINY = { network: 'resnet-8', dataset: 'cifar10', data: TINY_ARCHIVE, batch: 16, method: 'vanilla' } as const
const model = (run: string, step = 'step-00000010') => readFileSync(join(run, 'checkpoints', step, 'model.safetensors'))

/** The objective at each step of one epoch. */
async function lossesOf(options: TrainOptions, out: string): Promise<number[]> {
  const seen: number[] = []
  await train({ ...TINY, ...options, epochs: 1, out: path(out), onStep: ({ loss }) => void seen.push(loss) })
  return seen
}

t.test('modules by the command line: recorded, resumed, and refused where they have changed', async (t) => {
  const own = ['--network', './network.js', '--method', 'method.js', '--augment', './noise.js']
  const { code, stderr } = await runCli([...TRAIN_TINY, ...own, '--epochs', '1', '--out', 'run'], { cwd })
  t.equal(code, 0, stderr)
  const { network, modules } = JSON.parse(readFileSync(path('run/config.json'), 'utf8'))
  t.equal(network, path('network.js'))
  t.same(Object.keys(modules), ['network', 'method', 'augment'])
  t.match(modules.network, /^[0-9a-f]{64}$/)
  const options: TrainOptions = {
    ...TINY,
    network: pathToFileURL(path('network.js')),
    method: path('method.js'),
    augment: defineAugmentation(path('noise.js')),
    epochs: 1,
    logEvery: 1,
    out: path('by-api'),
  }
  await train(options)
  t.ok(model(path('by-api')).equals(model(path('run'))), 'the same bits from code')
  await train({ ...options, augment: 'none', out: path('plain') })
  t.notOk(model(path('plain')).equals(model(path('run'))), 'the augmentation is applied')
  t.equal((await evaluate(path('run'))).images, 40)

  const resumed = await runCli(['resume', 'run', '--epochs', '2'], { cwd })
  t.equal(resumed.code, 0, resumed.stderr)
  appendFileSync(path('network.js'), '\n// changed\n')
  const refused = await runCli(['resume', 'run', '--epochs', '3'], { cwd })
  t.equal(refused.code, 2)
  t.match(
    refused.stderr,
    /Expected .*network\.js as run began with it \(SHA-256 [0-9a-f]{16}\.\.\.\) for --network but received another/,
  )
  t.match(refused.stderr, /Put it back as it was/)
  const report = await runCli(['report', 'run'], { cwd })
  t.equal(report.code, 0, `a report does without: ${report.stderr}`)
})

t.test('the same definitions in code as in the package give the same bits', async (t) => {
  const network = defineNetwork({ ...findNetwork('resnet-8', 'auto'), name: 'as-resnet-8' })
  const method = defineMethod({
    name: 'as-one',
    members: 'branches',
    trainingOnly: ['gate'],
    reads: ['branches', 'temperature', 'rampUp'],
    defaults: { branches: 2 },
    create: ({ branches, temperature }) => one({ branches, temperature }),
  })
  const known = await lossesOf({ method: 'one', branches: 2 }, 'known')
  t.equal(known.length, 10)
  t.same(await lossesOf({ network, method }, 'own'), known)
  const other = defineNetwork({ ...network, trunk: (layers, images) => layers.conv('conv1', images, 16, 3) })
  await t.rejects(
    resume(path('own'), { epochs: 2, network: other }),
    /the network as-resnet-8 given in code as .*own began with it/,
  )
  t.equal((await resume(path('own'), { epochs: 2, network, method })).step, 20)
  t.equal((await evaluate(path('own'))).images, 40, 'what this process defined needs not be given again')
  const model = await loadModel(path('own'), { member: 'ensemble' })
  const [predictions] = await model.classify([{ pixels: new Uint8Array(3072), width: 32, height: 32 }])
  t.match(predictions, [{ label: String, probability: Number }])
  await model.close()
  const alone = await runCli(['resume', 'own', '--epochs', '3'], { cwd })
  t.equal(alone.code, 2)
  t.match(alone.stderr, /Expected the network as-resnet-8, which was defined in code, for own but received none/)
})

t.test("an optimizer in code takes the steps of the package's", async (t) => {
  const attributes = writeUpdate({ states: 0, scalars: 1 }, ({ subtract, multiply }, { weight, gradient, scalar }) => [
    subtract(weight, multiply(gradient, scalar(0))),
  ])
  const optimizer = defineOptimizer({
    name: 'gradient-descent',
    create: () => ({ states: [], scalars: {}, update: (graph, operands) => appendUpdate(graph, operands, attributes) }),
  })
  const own = await lossesOf({ optimizer }, 'own-descent')
  const known = await lossesOf({ optimizer: 'sgd', momentum: 0, weightDecay: 0 }, 'sgd')
  t.equal(own.length, 10)
  t.ok(
    own.every((loss, step) => Math.abs(loss - (known[step] ?? Number.NaN)) < 1e-3),
    `${own} ${known}`,
  )
})

t.test('images from arrays', async (t) => {
  const pixels = Uint8Array.from({ length: 24 * 8 * 8 }, (_, place) => (place * 37) % 256)
  const labels = Array.from({ length: 24 }, (_, image) => image % 3)
  const images = { pixels, labels, channels: 1 } as const
  const shape = { name: 'small', classNames: ['a', 'b', 'c'], height: 8, width: 8 }
  const dataset = defineDataset({ ...shape, load: () => ({ train: images, test: images }) })
  const options = { ...TINY, dataset, batch: 8, epochs: 1 } as const
  const { data: _, ...small } = options
  const run = await train({ ...small, out: path('arrays') })
  t.equal(run.test?.images, 24)
  const wrong = defineDataset({ ...shape, load: () => ({ train: { ...images, labels: labels.map(() => 3) } }) })
  await t.rejects(train({ ...small, dataset: wrong, out: path('no') }), {
    message: /a label of 0 \.\. 2 for image 0 for train of the dataset small given in code but received 3/,
  })
  const short = defineDataset({ ...shape, load: () => ({ train: { pixels: pixels.subarray(1), labels } }) })
  await t.rejects(train({ ...small, dataset: short, out: path('no') }), /24 x 8 x 8 x 3 bytes, for as many labels,/)
  t.notOk(existsSync(path('no')))
})

t.test("what is wrong with a user's file is told in one sentence that names it, before anything is made", async (t) => {
  const cases: readonly (readonly [Partial<TrainOptions>, RegExp])[] = [
    [{ network: path('none.js') }, /Cannot read .*none\.js: it does not exist/],
    [
      { network: path('nothing.js') },
      /an export named network, or a default export, for .*nothing\.js but received other/,
    ],
    [{ network: path('broken.js') }, /a module that can be loaded for .*broken\.js but received/],
    [{ network: path('shapes.js') }, /logits f32 \[16, 10\] from branch for .*shapes\.js but received f32 \[16, 7\]/],
    [{ network: path('throws.js') }, /trunk of .*throws\.js to be captured but it threw: Expected/],
    [
      { method: path('loss.js') },
      /a scalar f32 \[\] as total of the objective for .*loss\.js but received f32 \[16, 10\]/,
    ],
    [{ augment: path('nothing.js') }, /an export named augmentation, .* for .*nothing\.js but received other/],
    [{ optimizer: path('nothing.js') }, /an export named optimizer, .* for .*nothing\.js/],
    [{ dataset: path('nothing.js') }, /an export named dataset, .* for .*nothing\.js/],
  ]
  for (const [wrong, says] of cases) {
    await t.rejects(train({ ...TINY, ...wrong, out: path('never') }), says)
    t.notOk(existsSync(path('never')))
  }
  await t.rejects(train({ ...TINY, augment: path('throws.js'), out: path('thrown') }), {
    name: 'UserFault',
    message: /apply of .*throws\.js to change image 3 in epoch 0 but it threw: not this one/,
  })
  const cli = await runCli([...TRAIN_TINY, '--augment', 'throws.js', '--out', 'thrown-cli'], { cwd })
  t.equal(cli.code, 2)
  t.match(cli.stderr, /apply of throws\.js to change image 3/)
  t.throws(() => defineNetwork({ name: '', trunk: () => never(), branch: () => never() }), /a name for the network/)
})

function never(): never {
  throw new Error('never called')
}
