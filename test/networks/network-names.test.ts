import { readFile } from 'node:fs/promises'
import t from 'tap'
import { NETWORK } from '../../src/config/network-values.ts'
import { GraphBuilder } from '../../src/engine/graph/graph-builder.ts'
import { findNetwork } from '../../src/engine/networks/find-network.ts'
import { Layers } from '../../src/engine/networks/layers.ts'
import { nearestSizes, readSizes, writeName } from '../../src/engine/networks/name-form.ts'
import { nearestNetwork } from '../../src/engine/networks/nearest-network.ts'
import type { Network } from '../../src/engine/networks/network.ts'
import { familyOf, NETWORK_FAMILIES, NETWORKS_IN_WORDS } from '../../src/engine/networks/registry.ts'
import { registerOwn } from '../../src/vocabulary/own-definitions.ts'

t.test('a form reads and writes names', async (t) => {
  const form = 'resnext-<9n+2>-<cardinality>x<width>d[-widen<multiple>]'
  t.same(readSizes(form, 'resnext-29-8x64d'), [29, 8, 64, undefined])
  t.same(readSizes(form, 'resnext-20-2x4d-widen1'), [20, 2, 4, 1])
  t.equal(writeName(form, [29, 8, 64]), 'resnext-29-8x64d')
  t.equal(writeName(form, [29, 8, 64, 2]), 'resnext-29-8x64d-widen2')
  t.same(nearestSizes(form, 0, 30), [29, 38])
  t.same(nearestSizes(form, 0, 3), [11, 20], 'no depth of no blocks')
  t.same(nearestSizes(form, 1, 100_000), [9999], 'a slip of the finger')
  t.same(nearestSizes('imagenet-resnet-<18, 34, 50>', 0, 40), [34, 50])
  const depth: 18 | 34 | undefined = readSizes('net-<18, 34>', 'net-34')?.[0]
  t.equal(depth, 34)
})

t.test('what names no network', async (t) => {
  const wrong = [
    'resnext-30-8x64d',
    'resnext-29',
    'resnext-29-0x64d',
    'resnext-29-08x64d',
    'resnext-29-8x64d-widen0',
    'densenet-bc-100',
    'densenet-bc-101-12',
    'densenet-bc-4-12',
    'densenet-100-12',
    'imagenet-resnet-20',
    'imagenet-resnext-18-32x4d',
    'imagenet-resnext-50',
    'resnet-18',
    'resnet-50000',
    'resnet-32 ',
    'toString',
  ]
  for (const name of wrong) t.equal(familyOf(name), null, name)
})

t.test('each row of the registry stands for itself', async (t) => {
  const page = await readFile(new URL('../../../docs/networks.md', import.meta.url), 'utf8')
  for (const family of NETWORK_FAMILIES) {
    const [first] = family.examples
    t.match(page, `\n| \`${family.form}\` | `, `docs/networks.md has ${family.form}`)
    for (const name of family.examples) {
      t.equal(familyOf(name), family, `${name} is read by its own family only`)
      t.equal(findNetwork(name, 'auto').name, name)
      t.match(NETWORKS_IN_WORDS, name, 'in the help')
      t.equal(nearestNetwork(name.toUpperCase().replaceAll('-', '_')), name, 'however it is spelt')
    }
    const graph = new GraphBuilder(2)
    const layers = new Layers(graph, 'f32', true)
    const network = findNetwork(first, 'auto')
    const features = network.trunk(layers, graph.state('images', [2, 3, 32, 32]))
    const inTrunk = graph.parameters.length
    t.same(network.branch(layers, features, 7).shape, [2, 7], `${first} classifies images of 32x32`)
    t.ok(inTrunk > 0 && graph.parameters.length > inTrunk, `${first} has parameters before ONE's branches and in them`)
  }
})

t.test('the network that was meant', async (t) => {
  for (const [name, meant] of [
    ['resnt-32', 'resnet-32'],
    ['ResNet32', 'resnet-32'],
    ['resnet_110', 'resnet-110'],
    ['resnext-50-32x4d', 'imagenet-resnext-50-32x4d'],
    ['resnext50_32x4d', 'imagenet-resnext-50-32x4d'],
    ['resnext-29_8x64d', 'resnext-29-8x64d'],
    ['resnext-29', 'resnext-29-8x64d'],
    ['densenet-100-12', 'densenet-bc-100-12'],
    ['densenet-102-12', 'densenet-bc-100-12'],
    ['WRN28-10', 'wrn-28-10'],
    ['vgg16_bn', 'vgg-16-bn'],
    ['VGG-16', 'vgg-16-bn'],
    ['vgg-18', 'vgg-19-bn'],
    ['MobileNetV2', 'mobilenet-v2'],
    ['mobilenet_v2', 'mobilenet-v2'],
    ['imagenet-mobilenetv2', 'imagenet-mobilenet-v2'],
    ['wide_resnet-28', 'wrn-28-10'],
    ['WideResNet-40-2', 'wrn-40-2'],
    ['imagenet-resnet18', 'imagenet-resnet-18'],
    ['resnet18', 'imagenet-resnet-18'],
    ['lenet-5', null],
    ['vit-16', null],
    ['', null],
  ] as const) {
    t.equal(nearestNetwork(name), meant, name)
  }
  const remedy = (name: string) => NETWORK.remedy?.(name)
  t.equal(remedy('resnet-18'), 'Nearest: resnet-14 and resnet-20, or imagenet-resnet-18.')
  t.equal(remedy('resnet-50000'), 'Nearest: resnet-9998.')
  t.equal(remedy('densenet-bc-101-12'), 'Nearest: densenet-bc-100-12 and densenet-bc-106-12.')
  t.equal(remedy('imagenet-resnet-20'), 'Nearest: imagenet-resnet-18 and imagenet-resnet-34.')
  t.equal(remedy('RESNEXT-29'), 'Did you mean resnext-29-8x64d?')
  t.match(remedy('lenet-5'), /^Choose one of these, such as resnet-32, .* or imagenet-/)
})

t.test('a network of the user beside those of the registry', async (t) => {
  const mine: Network = { ...findNetwork('resnet-8', 'auto'), name: 'mine' }
  t.throws(() => findNetwork('mine', 'auto'), /for the network but received mine/)
  registerOwn('network', 'mine', { definition: mine, source: './mine.js', sha256: '' })
  t.equal(findNetwork('mine', 'auto').name, 'mine')
  t.equal(findNetwork('resnet-8', 'auto').name, 'resnet-8')
  t.throws(() => findNetwork('mine', 'basic'), /Expected auto for the block of mine but received basic/)
})
