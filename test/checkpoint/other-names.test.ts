/** Names of torchvision and timm that are not ours. */
import t from 'tap'
import { GraphBuilder } from '../../src/engine/graph/graph-builder.ts'
import { findNetwork } from '../../src/engine/networks/find-network.ts'
import { Layers } from '../../src/engine/networks/layers.ts'
import { withOurNames } from '../../src/train/checkpoint/other-names.ts'
import type { NamedTensor } from '../../src/train/checkpoint/safetensors.ts'

const scalar = (name: string): NamedTensor => ({ name, shape: [], data: Float32Array.of(1) })

/** Names and shapes of the parameters of a network for ImageNet. */
function parametersOf(name: string): Map<string, readonly number[]> {
  const graph = new GraphBuilder(2)
  const layers = new Layers(graph, 'f32', true)
  const network = findNetwork(name, 'auto')
  const images = graph.applyOne('Normalise', [graph.images(64, 64, 3)], {
    mean: [0, 0, 0],
    std: [1, 1, 1],
    dtype: 'f32',
  })
  network.branch(layers, network.trunk(layers, images), 1000)
  return new Map(graph.parameters.map((parameter) => [parameter.name, parameter.value.shape]))
}

t.test("timm's MobileNetV2 has all of our names, and each is in its place", async (t) => {
  const norm = (module: string) => ['weight', 'bias', 'running_mean', 'running_var'].map((last) => `${module}.${last}`)
  const convNorm = (conv: string, bn: string) => [`${conv}.weight`, ...norm(bn)]
  // timm's mobilenetv2_100: blocks of its stages, the first without an expansion.
  const blocks = [1, 2, 3, 4, 3, 3, 1].flatMap((count, stage) =>
    Array.from({ length: count }, (_, place) => `blocks.${stage}.${place}`),
  )
  const ofBlock = (block: string, parts: [conv: string, bn: string][]) =>
    parts.flatMap(([conv, bn]) => convNorm(`${block}.${conv}`, `${block}.${bn}`))
  const names = [
    ...convNorm('conv_stem', 'bn1'),
    ...blocks.flatMap((block, index) =>
      index === 0
        ? ofBlock(block, [
            ['conv_dw', 'bn1'],
            ['conv_pw', 'bn2'],
          ])
        : ofBlock(block, [
            ['conv_pw', 'bn1'],
            ['conv_dw', 'bn2'],
            ['conv_pwl', 'bn3'],
          ]),
    ),
    ...convNorm('conv_head', 'bn2'),
    'classifier.weight',
    'classifier.bias',
  ]
  const ours = withOurNames(names.map(scalar)).map(({ name }) => name)
  // Both list their parameters in the order of the forward pass, so each name has to meet its own.
  t.same(ours, [...parametersOf('imagenet-mobilenet-v2').keys()])
})

t.test('a bias before a batch norm becomes a part of its mean', async (t) => {
  const filters = { name: 'features.0.weight', shape: [2, 1, 1, 1], data: Float32Array.of(3, 5) }
  const vector = (name: string, ...data: number[]) => ({ name, shape: [2], data: Float32Array.from(data) })
  const mean = vector('features.1.running_mean', 7, 11)
  const others = [vector('features.1.bias', 1, 2), vector('classifier.6.bias', 4, 5)]
  const converted = withOurNames([filters, vector('features.0.bias', 0.5, -2), mean, ...others])
  t.same(converted, [filters, { ...mean, data: Float32Array.of(6.5, 13) }, ...others])
})

t.test('names that are ours stay, those of wide_resnet50_2 with them', async (t) => {
  const tensors = ['conv1.weight', 'layer1.0.downsample.0.weight', 'fc.bias'].map(scalar)
  t.equal(withOurNames(tensors), tensors)
  const wide = parametersOf('imagenet-resnext-50-1x128d')
  // torchvision's shapes.
  t.same(wide.get('layer1.0.conv2.weight'), [128, 128, 3, 3])
  t.same(wide.get('layer4.2.conv3.weight'), [2048, 1024, 1, 1])
})
