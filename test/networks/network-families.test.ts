import t from 'tap'
import { forwardFlopsPerImage } from '../../src/engine/graph/flops.ts'
import { GraphBuilder } from '../../src/engine/graph/graph-builder.ts'
import { findNetwork } from '../../src/engine/networks/find-network.ts'
import { Layers } from '../../src/engine/networks/layers.ts'
import { UserFault } from '../../src/vocabulary/fault.ts'
import { elementCount } from '../../src/vocabulary/shape.ts'

/** The layers of a network, captured alone on one image. */
function capture(name: string, size: number, classes: number) {
  const graph = new GraphBuilder(1)
  const layers = new Layers(graph, 'f32', true)
  const network = findNetwork(name, 'auto')
  const features = network.trunk(layers, graph.state('images', [1, 3, size, size]))
  const inTrunk = graph.parameters.length
  const logits = network.branch(layers, features, classes)
  const weights = graph.parameters.filter(({ kind }) => kind === 'weight')
  return {
    network,
    features,
    logits,
    parameters: weights.reduce((sum, { value }) => sum + elementCount(value.shape), 0),
    flops: forwardFlopsPerImage(graph.finish(name, [{ name: 'logits', value: logits }])),
    branchNames: graph.parameters.slice(inTrunk).map((parameter) => parameter.name),
    names: graph.parameters.map((parameter) => parameter.name),
  }
}

/** The paper's table 1 prints millions; the others are torchvision's own counts, and the DenseNet paper's 0.8M. */
const NETWORKS = [
  { name: 'resnet-32', size: 32, classes: 10, parameters: 466_906, printed: '0.5', features: [1, 32, 16, 16] },
  { name: 'resnet-110', size: 32, classes: 10, parameters: 1_704_154, printed: '1.7', features: [1, 128, 16, 16] },
  {
    name: 'resnext-29-8x64d',
    size: 32,
    classes: 10,
    parameters: 34_426_698,
    printed: '34.4',
    features: [1, 512, 16, 16],
  },
  {
    name: 'densenet-bc-190-40',
    size: 32,
    classes: 10,
    parameters: 25_624_430,
    printed: '25.6',
    features: [1, 950, 8, 8],
  },
  { name: 'densenet-bc-100-12', size: 32, classes: 10, parameters: 769_162, printed: '0.8', features: [1, 150, 8, 8] },
  // Zagoruyko and Komodakis print 36.5M, 2.2M and, in "Paying More Attention to Attention", WRN-16-2 with 0.7M.
  { name: 'wrn-28-10', size: 32, classes: 100, parameters: 36_536_884, printed: '36.5', features: [1, 320, 16, 16] },
  { name: 'wrn-40-2', size: 32, classes: 10, parameters: 2_243_546, printed: '2.2', features: [1, 64, 16, 16] },
  { name: 'wrn-16-2', size: 32, classes: 10, parameters: 691_674, printed: '0.7', features: [1, 64, 16, 16] },
  // PyTorch's counts of scripts/pytorch/vgg.py and mobilenet_v2.py, and torchvision's own for ImageNet.
  { name: 'vgg-16-bn', size: 32, classes: 10, parameters: 14_724_042, printed: '14.7', features: [1, 512, 2, 2] },
  { name: 'mobilenet-v2', size: 32, classes: 10, parameters: 2_236_682, printed: '2.2', features: [1, 96, 8, 8] },
  {
    name: 'imagenet-mobilenet-v2',
    size: 224,
    classes: 1000,
    parameters: 3_504_872,
    printed: '3.5',
    features: [1, 96, 14, 14],
  },
  {
    name: 'imagenet-resnet-18',
    size: 224,
    classes: 1000,
    parameters: 11_689_512,
    printed: '11.7',
    features: [1, 256, 14, 14],
  },
  {
    name: 'imagenet-resnet-34',
    size: 224,
    classes: 1000,
    parameters: 21_797_672,
    printed: '21.8',
    features: [1, 256, 14, 14],
  },
  {
    name: 'imagenet-resnet-50',
    size: 224,
    classes: 1000,
    parameters: 25_557_032,
    printed: '25.6',
    features: [1, 1024, 14, 14],
  },
  {
    name: 'imagenet-resnext-50-32x4d',
    size: 224,
    classes: 1000,
    parameters: 25_028_904,
    printed: '25.0',
    features: [1, 1024, 14, 14],
  },
] as const

for (const { name, size, classes, parameters, printed, features } of NETWORKS) {
  t.test(name, (t) => {
    const captured = capture(name, size, classes)
    t.equal(captured.network.name, name)
    t.equal(captured.parameters, parameters)
    t.equal((captured.parameters / 1e6).toFixed(1), printed)
    t.same(captured.features.shape, features, 'what ONE branches at')
    t.same(captured.logits.shape, [1, classes])
    t.end()
  })
}

t.test('billions of multiply-adds', (t) => {
  // He et al. 2016, table 1, print 1.8, 3.6 and, with the stride on a 1x1, 3.8; Xie et al. 2017, table 1, 4.1 and 4.2.
  const billions = (name: string) => (capture(name, 224, 1000).flops / 2e9).toFixed(1)
  t.equal(billions('imagenet-resnet-18'), '1.8')
  t.equal(billions('imagenet-resnet-34'), '3.7')
  t.equal(billions('imagenet-resnet-50'), '4.1')
  t.equal(billions('imagenet-resnext-50-32x4d'), '4.2')
  // Sandler et al. 2018, table 4: 300 million.
  t.equal(billions('imagenet-mobilenet-v2'), '0.3')
  t.end()
})

t.test('names of wide ResNets are those of the PyTorch program that most papers train', (t) => {
  const norm = (name: string) => ['weight', 'bias', 'running_mean', 'running_var'].map((part) => `${name}.${part}`)
  const block = (name: string) => [
    ...norm(`${name}.bn1`),
    `${name}.conv1.weight`,
    ...norm(`${name}.bn2`),
    `${name}.conv2.weight`,
  ]
  t.same(
    [...capture('wrn-10-1', 32, 10).names].sort(),
    [
      'conv1.weight',
      ...[1, 2, 3].flatMap((stage) => block(`block${stage}.layer.0`)),
      ...[2, 3].map((stage) => `block${stage}.layer.0.convShortcut.weight`),
      ...norm('bn1'),
      ...['fc.weight', 'fc.bias'],
    ].sort(),
    'where the width stays the first stage has no convolution beside its blocks',
  )
  t.ok(capture('wrn-10-2', 32, 10).names.includes('block1.layer.0.convShortcut.weight'))
  t.equal(capture('wrn-10-2', 32, 10).branchNames[0], 'block3.layer.0.bn1.weight')
  t.end()
})

t.test('what a branch owns', (t) => {
  const first = (name: string, size: number) => {
    const { branchNames } = capture(name, size, 10)
    return [branchNames[0], ...branchNames.slice(-6)]
  }
  const norm = ['weight', 'bias', 'running_mean', 'running_var']
  const densenet = ['features.denseblock3.denselayer1.norm1.weight', ...norm.map((part) => `features.norm5.${part}`)]
  t.same(first('densenet-bc-16-12', 32), [...densenet, 'classifier.weight', 'classifier.bias'])
  t.equal(first('resnext-11-2x4d-widen1', 32)[0], 'layer3.0.conv1.weight')
  t.equal(first('imagenet-resnet-18', 64)[0], 'layer4.0.conv1.weight')
  t.equal(first('vgg-11-bn', 32)[0], 'features.22.weight', "as torchvision's vgg11_bn numbers its last stage")
  t.equal(first('vgg-16-bn', 32)[0], 'features.34.weight')
  t.equal(first('mobilenet-v2', 32)[0], 'features.14.conv.0.0.weight')
  t.end()
})

t.test('names of DenseNet are those of torchvision, without the stem for ImageNet', (t) => {
  const norm = (name: string) => ['weight', 'bias', 'running_mean', 'running_var'].map((part) => `${name}.${part}`)
  const layer = (name: string) => [
    ...norm(`${name}.norm1`),
    `${name}.conv1.weight`,
    ...norm(`${name}.norm2`),
    `${name}.conv2.weight`,
  ]
  const transition = (name: string) => [...norm(`${name}.norm`), `${name}.conv.weight`]
  t.same(
    [...capture('densenet-bc-10-12', 32, 10).names].sort(),
    [
      'features.conv0.weight',
      ...[1, 2, 3].flatMap((block) => layer(`features.denseblock${block}.denselayer1`)),
      ...[1, 2].flatMap((block) => transition(`features.transition${block}`)),
      ...norm('features.norm5'),
      ...['classifier.weight', 'classifier.bias'],
    ].sort(),
  )
  t.end()
})

t.test('images that are too small for a network are refused', (t) => {
  t.same(capture('vgg-16-bn', 32, 10).logits.shape, [1, 10])
  t.throws(
    () => capture('vgg-16-bn', 28, 10),
    /Expected 32x32 or larger for the images of vgg-16-bn but received 28x28/,
  )
  t.end()
})

t.test('a block is refused where there is no choice', (t) => {
  for (const name of ['densenet-bc-100-12', 'resnext-29-8x64d', 'imagenet-resnet-18']) {
    try {
      findNetwork(name, 'bottleneck')
      t.fail(`${name} was taken`)
    } catch (error) {
      if (!(error instanceof UserFault)) throw error
      t.match(error.message, /^Expected auto for the block of .* but received bottleneck/)
      t.match(error.remedy, /resnet-<6n\+2>/)
    }
  }
  t.end()
})
