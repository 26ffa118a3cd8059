import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { checkConfig, findFaults } from '../../src/config/check-config.ts'
import { DEFAULTS, methodDefaults } from '../../src/config/defaults.ts'
import { nameDevices, parseDevices } from '../../src/config/devices.ts'
import { type GivenSettings, makeConfig, readConfig } from '../../src/config/make-config.ts'
import { OPTION_KEYS } from '../../src/config/option-table.ts'
import { RECIPES } from '../../src/config/recipes.ts'
import type { RunConfig } from '../../src/config/run-config.ts'

const complete: RunConfig = {
  ...DEFAULTS,
  ...methodDefaults('one', null),
  recipe: null,
  rampUp: 80,
  out: 'runs/x',
}

/** Messages of the faults of a configuration in which `changes` were given. */
const messagesOf = (changes: Record<string, unknown>) =>
  findFaults({ ...complete, ...changes }, new Set(Object.keys(changes))).map(({ message }) => message)

t.test("the paper's settings are the defaults", async (t) => {
  const config = await makeConfig(null, { out: 'o' })
  t.same(config, { ...complete, out: 'o' })
  t.equal((await makeConfig(null, { out: 'o', method: 'vanilla' })).branches, 1)
})

t.test('each method has the settings of its own', async (t) => {
  const of = async (given: object, recipe: string | null = null) => await makeConfig(recipe, { out: 'o', ...given })
  t.match(await of({ method: 'dml' }), { peers: '2', branches: 1, snapshots: 1, schedule: 'step' })
  t.match(await of({ method: 'ensemble' }), { peers: '3', teacherNetwork: null })
  t.match(await of({ method: 'snapshot' }), { snapshots: 5, schedule: 'cosine-cycles', rampUp: 0 })
  t.match(await of({ method: 'snapshot', snapshots: 3 }, 'quickstart'), { schedule: 'cosine-cycles', rampUp: 0 })
  t.match(await of({ method: 'kd' }), { teacher: null, teacherNetwork: 'resnet-110', alpha: 0.9 })
  t.match(await of({ method: 'kd', teacher: 'runs/x' }), { teacherNetwork: null })
  t.match(await of({ method: 'dkd' }), {
    teacherNetwork: 'resnet-110',
    temperature: 4,
    dkdAlpha: 1,
    dkdBeta: 8,
    rampUp: 25,
  })
  t.match(await of({ method: 'dml', peers: 'resnet-20,resnet-32' }), { network: 'resnet-20' })
})

t.test('ramp-up follows the length of the run', async (t) => {
  const rampUp = async (given: object) => (await makeConfig(null, { out: 'o', ...given })).rampUp
  t.equal(await rampUp({ epochs: 300 }), 80)
  t.equal(await rampUp({ epochs: 30 }), 8)
  t.equal(await rampUp({ epochs: 30, rampUp: 5 }), 5)
  t.equal(await rampUp({ steps: 100 }), 0)
  t.equal(await rampUp({ method: 'vanilla' }), 0)
})

t.test('every recipe is a valid run, and options beat it', async (t) => {
  for (const [recipe, { settings }] of Object.entries(RECIPES)) {
    t.match(await makeConfig(recipe, { out: 'o' }), { recipe, ...settings })
  }
  t.match(await makeConfig('quickstart', { out: 'o', epochs: 5, seed: 9 }), {
    epochs: 5,
    seed: 9,
    dataset: 'fashion-mnist',
  })
  t.match(await makeConfig('quickstart', { out: 'o', method: 'vanilla' }), { branches: 1 })
  t.match(await makeConfig('quickstart', { out: 'o', steps: 20 }), { steps: 20 })
  await t.rejects(makeConfig('quickstrat', { out: 'o' }), {
    name: 'UserFault',
    message: /one of quickstart, .* received quickstrat/,
  })
  await t.rejects(makeConfig('fashion/two', { out: 'o' }), {
    message: /one of fashion\/vanilla, .* received fashion\/two/,
  })
})

t.test("a recipe's schedule is shortened in proportion", async (t) => {
  const shortened = (recipe: string, scale: number) => makeConfig(recipe, { out: 'o', scale })
  t.match(await shortened('table1/resnet-32-one-cifar100', 0.1), { scale: 0.1, epochs: 30, rampUp: 8 })
  t.match(await shortened('table4/resnet-32-snapshot', 0.1), { epochs: 30, snapshots: 5 })
  t.match(await shortened('quickstart', 0.34), { epochs: 1, rampUp: 0 })
  t.match(await shortened('quickstart', 1), { epochs: 3, rampUp: 1 })
  t.match(await makeConfig('quickstart', { out: 'o', scale: 0.34, rampUp: 1 }), { epochs: 1, rampUp: 1 })
  await t.rejects(makeConfig(null, { out: 'o', scale: 0.5 }), { message: /a recipe for --scale but received none/ })
  await t.rejects(makeConfig('quickstart', { out: 'o', scale: 0.5, epochs: 9 }), { message: /--scale and --epochs/ })
  await t.rejects(shortened('table4/resnet-32-snapshot', 0.01), {
    name: 'UserFault',
    message: /5 or more for --epochs/,
  })
})

t.test('each wrong setting is told with its option', async (t) => {
  const wrong: { [K in keyof RunConfig]?: readonly unknown[] } = {
    scale: [0, -1, 1.5, 'half'],
    network: [
      'resnet-33',
      'resnext-29',
      'densenet-bc-101-12',
      'imagenet-resnet-20',
      'resnet-2',
      'vgg-16',
      'resnet-',
      'resnet-032',
      'resnet32',
    ],
    block: ['wide'],
    method: ['ONE', ''],
    branches: [0, 1.5, 'three', null],
    distill: ['yes'],
    share: ['high'],
    gate: ['mean'],
    peers: ['0', 'two', '100', 'resnet-32', 'resnet-32,resnet-33', 'resnet-32,'],
    teacher: [''],
    teacherNetwork: ['resnet-33'],
    teacherBlock: ['wide'],
    alpha: [-0.1, 1.1],
    dkdAlpha: [-1, 'much'],
    dkdBeta: [-0.5],
    kdclTarget: ['best'],
    snapshots: [0, 2.5],
    dataset: ['mnist'],
    data: [''],
    inputStd: [0, -1, 'wide'],
    imageSize: [31, 1025, 224.5],
    trainFraction: [0, 1.5, -0.1, 'half'],
    epochs: [0, -1, '3x', Number.NaN],
    steps: [0, 2.5],
    earlyStop: [0, 1.5, 'soon'],
    batch: [0, '128 images', 1e300],
    learningRate: [0, -0.1, Number.POSITIVE_INFINITY],
    schedule: ['linear'],
    warmUp: [-1, 'slow'],
    cosineFloor: [-0.1, 'low'],
    labelSmoothing: [-0.1, 1, 'some'],
    optimizer: ['adam', ''],
    momentum: [1, -0.1],
    weightDecay: [-1e-4],
    noDecay: ['', 'all', 'norm,', 'norm,none', 'bias,bias'],
    clipNorm: [0, -1, 'small'],
    ema: [0, 1, 'some'],
    betas: ['0.9', '0.9,1', '0.9,-0.1', '0.9,', '0.9,0.99,0.999', 'a,b', 0.9],
    epsilon: [0, -1e-8],
    trustCoefficient: [0, -1],
    rampUp: [-1],
    temperature: [0],
    precision: ['fp16'],
    executor: ['torch'],
    tfjsBackend: ['webgl'],
    pjrtPlugin: [''],
    gpuMemoryFraction: [0, 1.01, 'most'],
    gpuPreallocate: ['yes'],
    devices: ['gpu:x', 'gpu:0,0', 'gpu:0,', 'cuda:0', 'tpu', 'xla-cpu:0', 'cpu:0', 'cpu:x', 'cpu:', ''],
    hosts: [0, 1.5, 5000],
    decodeWorkers: [0, 1000],
    seed: [-1, 2 ** 32, 0.5],
    out: [''],
    init: [''],
    initPartial: ['maybe', true],
    freeze: ['', 'layer1,,fc', 'a b'],
    lrScale: ['', 'fc', 'fc=0', 'fc=-1', 'fc=x', 'fc=2,'],
    augment: ['flip'],
    augmentPolicy: ['autoaugment'],
    augmentMagnitude: [31, 1.5],
    augmentOps: [0, 15],
    colourJitter: [1, -0.1],
    pcaLighting: [-0.1, 2],
    randomErasing: [1.5, -1],
    mixup: [-0.1, 101],
    cutmix: [-1, 1000],
    repeatedAugmentation: [0, 1.5],
    shuffle: ['yes'],
    logEvery: [0],
    evaluateEvery: [0, 1.5],
    checkpointMinutes: [-1, Number.NaN],
    checkpointSteps: [-1, 1.5],
    keep: [0],
  }
  t.same(Object.keys(wrong), OPTION_KEYS, 'every option is tried')
  const flags: Partial<Record<string, string>> = { learningRate: '--lr', epsilon: '--eps' }
  for (const [key, values] of Object.entries(wrong)) {
    const flag = flags[key] ?? `--${key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
    for (const value of values) {
      const faults = findFaults({ ...complete, [key]: value }, new Set([key]))
      t.equal(faults.length, 1, `${key} ${value}`)
      t.match(faults[0]?.message, new RegExp(`^Expected .* for ${flag} but received `))
      t.match(faults[0]?.remedy, /\w/)
    }
  }
})

const SNAPSHOT = { method: 'snapshot', branches: 1, snapshots: 5, schedule: 'cosine-cycles' }

t.test('defaults follow the optimizer, and a recipe of another one leaves its rate out', async (t) => {
  const settings = async (recipe: string | null, given: GivenSettings) => {
    const { learningRate, weightDecay, momentum, epsilon } = await makeConfig(recipe, { out: 'none', ...given })
    return { learningRate, weightDecay, momentum, epsilon }
  }
  const ofSgd = { learningRate: 0.1, weightDecay: 1e-4, momentum: 0.9, epsilon: 1e-8 }
  t.same(await settings(null, {}), ofSgd)
  t.same(await settings(null, { optimizer: 'adamw' }), { ...ofSgd, learningRate: 1e-3, weightDecay: 1e-2 })
  const ofLamb = { ...ofSgd, learningRate: 1e-3, weightDecay: 1e-2, epsilon: 1e-6 }
  t.same(await settings(null, { optimizer: 'lamb' }), ofLamb)
  t.same(await settings(null, { optimizer: 'lars' }), { ...ofSgd, learningRate: 1 })
  t.same(await settings(null, { optimizer: 'adamw', learningRate: 0.5, weightDecay: 0 }), {
    ...ofSgd,
    learningRate: 0.5,
    weightDecay: 0,
  })
  const recipe = Object.entries(RECIPES).find(([, { settings }]) => settings.learningRate !== undefined)?.[0] ?? ''
  t.not((await settings(recipe, {})).learningRate, ofLamb.learningRate, recipe)
  t.same(await settings(recipe, { optimizer: 'lamb' }), ofLamb)
})

t.test('settings that do not go together are told', async (t) => {
  const cases: [changes: Record<string, unknown>, message: RegExp][] = [
    [{ method: 'vanilla' }, /1 for --branches with --method vanilla but received 3/],
    [{ branches: 1 }, /2 or more for --branches with --method one but received 1/],
    [{ betas: '0.8,0.9' }, /--optimizer adamw or --optimizer lamb for --betas but received --optimizer sgd/],
    [{ optimizer: 'lamb', momentum: 0.8 }, /--optimizer sgd or --optimizer lars for --momentum .* --optimizer lamb/],
    [{ optimizer: 'lars', epsilon: 0.1 }, /for --eps but received --optimizer lars/],
    [{ optimizer: 'adamw', trustCoefficient: 0.1 }, /--optimizer lars for --trust-coefficient .* --optimizer adamw/],
    [{ method: 'vanilla', branches: 1, temperature: 2 }, /--method one or --method kd or .* for --temperature/],
    [{ distill: 'off', temperature: 2 }, /--distill on for --temperature but received --distill off/],
    [
      { method: 'dml', branches: 1, peers: '2', rampUp: 2 },
      /--method one or .* for --ramp-up but received --method dml/,
    ],
    [{ method: 'dml', branches: 1 }, /2 or more for --peers with --method dml but received 1/],
    [{ method: 'dml', branches: 1, peers: 'resnet-20,resnet-32' }, /resnet-20 for --network with --peers .* resnet-32/],
    [{ peers: '2' }, /1 for --peers with --method one but received 2/],
    [
      { gate: 'average', method: 'vanilla', branches: 1 },
      /learned for --gate with --method vanilla but received average/,
    ],
    [{ alpha: 0.5 }, /0.9 for --alpha with --method one but received 0.5/],
    [{ teacher: 'runs/t' }, /nothing for --teacher with --method one but received runs\/t/],
    [{ schedule: 'cosine-cycles' }, /--method snapshot for --schedule cosine-cycles but received --method one/],
    [{ method: 'snapshot', branches: 1, snapshots: 2 }, /cosine-cycles for --schedule with --method snapshot/],
    [{ ...SNAPSHOT, snapshots: 1 }, /2 or more for --snapshots with --method snapshot but received 1/],
    [{ ...SNAPSHOT, steps: 9 }, /--epochs for --method snapshot but received --steps 9/],
    [{ ...SNAPSHOT, epochs: 4 }, /5 or more for --epochs with as many --snapshots but received 4/],
    [{ method: 'vanilla', branches: 1, rampUp: 2 }, /--method one or .* for --ramp-up/],
    [{ network: 'densenet-bc-100-12', block: 'basic' }, /auto for --block with --network densenet-bc-100-12 .* basic/],
    [{ epochs: 2, steps: 3 }, /either for --epochs and --steps but received both \(2, 3\)/],
    [{ cosineFloor: 0.01 }, /--schedule cosine for --cosine-floor but received --schedule step/],
    [{ warmUp: 300 }, /less than --epochs 300 for --warm-up but received 300/],
    [{ ...SNAPSHOT, ema: 0.9 }, /--schedule step, cosine or constant for --ema/],
    [{ ...SNAPSHOT, earlyStop: 3 }, /--schedule step, cosine or constant for --early-stop/],
    [{ ...SNAPSHOT, warmUp: 1 }, /--schedule step, cosine or constant for --warm-up/],
    [{ cosineFloor: 0.2, schedule: 'cosine' }, /at most --lr 0.1 for --cosine-floor but received 0.2/],
    [{ tfjsBackend: 'cpu' }, /--executor tfjs for --tfjs-backend/],
    [{ imageSize: 128 }, /--dataset imagenet or image-folder for --image-size but received --dataset cifar100/],
    [{ colourJitter: 0.4 }, /--dataset imagenet or image-folder for --colour-jitter/],
    [{ randomErasing: 0.4, augment: 'none' }, /--augment standard for --random-erasing but received --augment none/],
    [
      { augmentPolicy: 'trivial', augment: 'none' },
      /--augment standard for --augment-policy but received --augment none/,
    ],
    [{ augmentMagnitude: 5 }, /--augment-policy rand for --augment-magnitude but received --augment-policy none/],
    [{ augmentOps: 3, augmentPolicy: 'trivial' }, /--augment-policy rand for --augment-ops but .* trivial/],
    [
      { repeatedAugmentation: 3, shuffle: 'none' },
      /--shuffle epoch for --repeated-augmentation but received --shuffle none/,
    ],
    [{ mixup: 0.2, augment: 'none' }, /--augment standard for --mixup but received --augment none/],
    [{ gpuMemoryFraction: 0.5 }, /--devices gpu for --gpu-memory-fraction but received --devices cpu/],
    [{ gpuPreallocate: 'on', devices: 'xla-cpu', executor: 'xla' }, /--devices gpu for --gpu-preallocate/],
    [{ batch: 7, devices: 'cpu:2' }, /a multiple of the 2 replicas .* received 7/],
    [
      { batch: 9, devices: 'cpu:2', hosts: 3 },
      /a multiple of the 6 replicas of --devices cpu:2 on 3 hosts .* received 9/,
    ],
    [{ hosts: 2, executor: 'tfjs' }, /--executor cpu or xla for --hosts/],
    [{ hosts: 2, devices: 'xla-cpu', executor: 'xla' }, /cpu or gpu for --devices with --hosts/],
  ]
  for (const [changes, message] of cases) {
    const messages = messagesOf(changes)
    t.equal(messages.length, 1, message.source)
    t.match(messages[0], message)
  }
  t.same(messagesOf({ method: 'vanilla', branches: 1 }), [])
  t.same(messagesOf({ network: 'resnext-29-8x64d', block: 'auto' }), [])
  t.same(messagesOf({ network: 'resnet-20', block: 'bottleneck' }), [])
  t.same(messagesOf({ cosineFloor: 0.01, schedule: 'cosine' }), [])
  t.same(messagesOf({ ...SNAPSHOT, cosineFloor: 0.01 }), [])
  t.same(messagesOf({ ...SNAPSHOT, warmUp: 0 }), [])
  t.same(messagesOf({ warmUp: 2.5 }), [])
  t.same(messagesOf({ batch: 8, devices: 'cpu:2', steps: 3, executor: 'tfjs', tfjsBackend: 'cpu' }), [])
})

t.test('everything that is wrong is told at once', async (t) => {
  const given = { epochs: 2, steps: 3, batch: 'x', method: 'vanilla', branches: 2, lr: 0.1, out: 'o' }
  const other = { message: 'Expected no weather', remedy: 'Wait.' }
  try {
    await makeConfig(null, given, [other])
    t.fail('it was taken')
  } catch (error) {
    const message = error instanceof Error ? error.message : ''
    t.match(message, /^5 things are wrong with these options:/)
    for (const part of [
      /no weather\. Wait\./,
      /--batch but received x/,
      /received lr/,
      /--branches with/,
      /--epochs and --steps/,
    ]) {
      t.match(message, part)
    }
  }
})

t.test('a run folder without a name gets a fresh one', async (t) => {
  const before = process.cwd()
  t.teardown(() => process.chdir(before))
  process.chdir(t.testdir())
  t.equal((await makeConfig('quickstart', {})).out, join('runs', 'quickstart-1'))
  for (const run of ['quickstart-1', 'quickstart-9', 'quickstart-x', 'quickstart-10-old', 'resnet-32-one-cifar10-3']) {
    await mkdir(join('runs', run), { recursive: true })
  }
  t.equal((await makeConfig('quickstart', {})).out, join('runs', 'quickstart-10'))
  t.equal((await makeConfig('fashion/one', {})).out, join('runs', 'fashion-one-1'))
  t.equal((await makeConfig(null, { dataset: 'cifar10' })).out, join('runs', 'resnet-32-one-cifar10-4'))
})

t.test('the configuration of a run is read where the folder is now', async (t) => {
  const folder = t.testdir({ 'config.json': JSON.stringify(complete) })
  t.same(await readConfig(folder, { keep: 5 }), { ...complete, out: folder, keep: 5 })
  const { trainFraction: _, ...older } = complete
  await writeFile(join(folder, 'config.json'), JSON.stringify(older))
  t.same(await readConfig(folder), { ...complete, out: folder }, 'of a version that did not know a setting')
  await writeFile(join(folder, 'config.json'), JSON.stringify({ ...complete, batch: 0, colour: 'red' }))
  await t.rejects(readConfig(folder), { name: 'UserFault', message: /2 things are wrong with .*config\.json/ })
  for (const text of ['', '3', '{"net']) {
    await writeFile(join(folder, 'config.json'), text)
    await t.rejects(readConfig(folder), { name: 'UserFault', message: /a JSON object/ })
  }
  await t.rejects(readConfig(join(folder, 'none')), { name: 'UserFault', message: /the folder of a run/ })
  await t.rejects(readConfig(join(folder, 'config.json')), { name: 'UserFault', message: /the folder of a run/ })
})

t.test('what is no configuration at all is refused', async (t) => {
  for (const value of [null, 3, [], 'text', {}]) {
    t.throws(() => checkConfig(value, new Set(), 'here'), { name: 'UserFault' }, JSON.stringify(value))
  }
})

t.test('devices', async (t) => {
  t.same(parseDevices('cpu'), { kind: 'cpu', replicas: 1 })
  t.same(parseDevices('cpu:12'), { kind: 'cpu', replicas: 12 })
  t.same(parseDevices('xla-cpu:2'), { kind: 'xla-cpu', replicas: 2 })
  t.same(parseDevices('gpu'), { kind: 'gpu', replicas: 1, gpus: [0] })
  t.same(parseDevices('gpu:2,0'), { kind: 'gpu', replicas: 2, gpus: [2, 0] })
  t.throws(() => parseDevices('cuda:0'), { name: 'UserFault', remedy: /Use gpu/ })
  t.throws(() => parseDevices('gpu:1,1'), { name: 'UserFault' })
  t.throws(() => parseDevices('cpu:-1'), { name: 'UserFault' })
})

t.test('devices of XLA mean its executor, and contradict another', async (t) => {
  t.match(await makeConfig(null, { devices: 'xla-cpu:2', out: 'x' }), { executor: 'xla', devices: 'xla-cpu:2' })
  t.match(await makeConfig(null, { devices: 'gpu:1', out: 'x' }), { executor: 'xla', devices: 'gpu:1' })
  await t.rejects(makeConfig(null, { devices: 'gpu', executor: 'cpu', out: 'x' }), { message: /--executor/ })
  await t.rejects(makeConfig(null, { executor: 'xla', out: 'x' }), { message: /--devices/, remedy: /xla-cpu/ })
  await t.rejects(makeConfig(null, { pjrtPlugin: 'a.so', out: 'x' }), { message: /--pjrt-plugin/ })
})

t.test('gpu:all is written down as the GPUs that are here', (t) => {
  const before = process.env['CUDA_VISIBLE_DEVICES']
  t.teardown(() => {
    if (before === undefined) delete process.env['CUDA_VISIBLE_DEVICES']
    else process.env['CUDA_VISIBLE_DEVICES'] = before
  })
  process.env['CUDA_VISIBLE_DEVICES'] = '4,7'
  t.equal(nameDevices('gpu:all'), 'gpu:0,1')
  t.equal(nameDevices('gpu:3'), 'gpu:3')
  process.env['CUDA_VISIBLE_DEVICES'] = ''
  t.throws(() => nameDevices('gpu:all'), { name: 'UserFault', message: /^Expected a GPU for --devices gpu:all/ })
  t.end()
})
