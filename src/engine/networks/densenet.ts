import type { Value } from '../graph/graph-builder.ts'
import type { Layers } from './layers.ts'
import type { Network } from './network.ts'
import { networkFamily } from './network-family.ts'

/** Of DenseNet-BC (Huang et al., "Densely Connected Convolutional Networks", section 3). */
const COMPRESSION = 0.5
const BOTTLENECK_WIDTH = 4
/** Channels of the stem, in growth rates. */
const STEM_WIDTH = 2

interface DenseNetSizes {
  /** 6n + 4, n layers of two convolutions in each of three dense blocks. */
  readonly depth: number
  /** Growth rate k: channels that each layer adds. */
  readonly growth: number
}

/**
 * DenseNet-BC for CIFAR; 190 / 40 is the paper's. Names are torchvision's `DenseNet` (`features.conv0`,
 * `features.denseblock1.denselayer1.norm1`, `features.transition1.conv`, `features.norm5`, `classifier`), whose stem for
 * ImageNet it has not. ONE branches before the last dense block; its final norm belongs to the branch.
 */
export const DENSENET_BC = networkFamily('densenet-bc-<6n+4>-<growth>', {
  examples: ['densenet-bc-100-12', 'densenet-bc-190-40'],
  images: 'CIFAR',
  aliases: ['densenet', 'imagenet-densenet'],
  build: (name, [depth, growth]) => denseNetBc(name, { depth, growth }),
})

function denseNetBc(name: string, { depth, growth }: DenseNetSizes): Network {
  const layersOfBlock = (depth - 4) / 6

  const denseBlock = (layers: Layers, name: string, x: Value) =>
    layers.scope(name, () => {
      let features = x
      for (let position = 1; position <= layersOfBlock; position++) {
        const added = layers.scope(`denselayer${position}`, () => denseLayer(layers, features, growth))
        features = layers.concat([features, added])
      }
      return features
    })

  return {
    name,
    trunk: (layers, images) =>
      layers.scope('features', () => {
        const stem = layers.conv('conv0', images, STEM_WIDTH * growth, 3)
        const first = transition(layers, 'transition1', denseBlock(layers, 'denseblock1', stem))
        return transition(layers, 'transition2', denseBlock(layers, 'denseblock2', first))
      }),
    branch: (layers, features, classes) => {
      const last = layers.scope('features', () =>
        layers.batchNorm('norm5', denseBlock(layers, 'denseblock3', features), { activation: 'relu' }),
      )
      return layers.linear('classifier', layers.globalAveragePool('avgpool', last), classes)
    },
  }
}

/** Batch norm, ReLU and convolution twice, 1x1 then 3x3. x [B, C, H, W] -> [B, growth, H, W]. */
function denseLayer(layers: Layers, x: Value, growth: number): Value {
  const narrow = layers.conv(
    'conv1',
    layers.batchNorm('norm1', x, { activation: 'relu' }),
    BOTTLENECK_WIDTH * growth,
    1,
  )
  return layers.conv('conv2', layers.batchNorm('norm2', narrow, { activation: 'relu' }), growth, 3)
}

/** Between two dense blocks: [B, C, H, W] -> [B, C / 2, H / 2, W / 2], rounded down. */
function transition(layers: Layers, name: string, x: Value): Value {
  return layers.scope(name, () => {
    const out = Math.floor((x.shape[1] ?? 0) * COMPRESSION)
    const compressed = layers.conv('conv', layers.batchNorm('norm', x, { activation: 'relu' }), out, 1)
    return layers.averagePool('pool', compressed, { kernel: 2, stride: 2, padding: 0 })
  })
}
