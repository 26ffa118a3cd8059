import t from 'tap'
import { GraphBuilder } from '../../src/engine/graph/graph-builder.ts'
import { findNetwork } from '../../src/engine/networks/find-network.ts'
import { Layers } from '../../src/engine/networks/layers.ts'
import type { Block } from '../../src/engine/networks/network-family.ts'
import { UserFault } from '../../src/vocabulary/fault.ts'

/** The layers of a network, captured alone. */
function capture(name: string, block: Block = 'auto') {
  const graph = new GraphBuilder(2)
  const layers = new Layers(graph, 'f32', true)
  const network = findNetwork(name, block)
  const features = network.trunk(layers, graph.state('images', [2, 3, 32, 32]))
  const logits = network.branch(layers, features, 10)
  return { graph, network, features, logits, names: graph.parameters.map((parameter) => parameter.name) }
}

t.test('the branch begins with the last stage', (t) => {
  const { features, logits, network } = capture('resnet-20')
  t.same(features.shape, [2, 32, 16, 16])
  t.same(logits.shape, [2, 10])
  t.equal(network.name, 'resnet-20')
  t.same(capture('resnet-56').features.shape, [2, 128, 16, 16], 'bottlenecks have four times the channels')
  t.end()
})

t.test("names are torchvision's", (t) => {
  const { names } = capture('resnet-8')
  const bn = (name: string) => ['weight', 'bias', 'running_mean', 'running_var'].map((part) => `${name}.${part}`)
  const stage = (name: string, downsample: boolean) => [
    `${name}.0.conv1.weight`,
    ...bn(`${name}.0.bn1`),
    `${name}.0.conv2.weight`,
    ...bn(`${name}.0.bn2`),
    ...(downsample ? [`${name}.0.downsample.0.weight`, ...bn(`${name}.0.downsample.1`)] : []),
  ]
  const wanted = [
    ...['conv1.weight', ...bn('bn1')],
    ...[...stage('layer1', false), ...stage('layer2', true), ...stage('layer3', true)],
    ...['fc.weight', 'fc.bias'],
  ]
  t.same([...names].sort(), wanted.sort())
  t.ok(capture('resnet-8', 'bottleneck').names.includes('layer1.0.downsample.0.weight'), 'a bottleneck widens stage 1')
  t.end()
})

t.test('as many layers as the depth says, strides and paddings as He et al. have them', (t) => {
  for (const [name, depth] of [
    ['resnet-8', 8],
    ['resnet-32', 32],
  ] as const) {
    const { graph } = capture(name)
    const deep = graph.nodes.filter(
      ({ op, label }) => (op === 'Conv2D' && !label.includes('downsample')) || op === 'Linear',
    )
    t.equal(deep.length, depth, name)
  }
  // Bottlenecks: three convolutions where a basic block has two, so depth 110 = 6 * 18 + 2 makes 3 * 3 * 18 + 2 layers.
  const { graph } = capture('resnet-110')
  t.equal(
    graph.nodes.filter(({ op, label }) => op === 'Conv2D' && !label.includes('downsample')).length,
    3 * 3 * 18 + 1,
  )
  const strided = graph.nodes.flatMap((node) =>
    node.op === 'Conv2D' && node.attributes.stride === 2 ? [node.label] : [],
  )
  const wanted = ['layer2.0.conv2', 'layer2.0.downsample.0', 'layer3.0.conv2', 'layer3.0.downsample.0']
  t.same(strided.sort(), wanted, 'the stride of a bottleneck is on its 3x3 convolution')
  t.end()
})

t.test('what is no network is refused with what there is', (t) => {
  for (const name of ['resnet-33', 'resnet-2', 'resnet-', 'ResNet-32', 'lenet-5', '']) {
    try {
      findNetwork(name, 'auto')
      t.fail(`${name} was taken`)
    } catch (error) {
      if (!(error instanceof UserFault)) throw error
      t.match(error.message, /^Expected resnet-<6n\+2>, .* for the network but received/)
      t.match(error.remedy, /resnet-32/)
    }
  }
  t.end()
})
