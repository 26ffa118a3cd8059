import type { Value } from '../graph/graph-builder.ts'
import { type Layers, ZEROS } from './layers.ts'
import type { Network } from './network.ts'
import { networkFamily } from './network-family.ts'
import { residualStage } from './residual-blocks.ts'

const STEM_WIDTH = 16
const STAGE_WIDTHS = [16, 32, 64] as const

/**
 * WRN-d-k (Zagoruyko and Komodakis, "Wide Residual Networks", BMVC 2016), without dropout: three stages of pre-activation
 * blocks, k times as wide as those of a CIFAR ResNet. Names are those of the PyTorch program that most papers train
 * (xternalz/WideResNet-pytorch): `block1.layer.0.bn1`, `block1.layer.0.convShortcut`, `bn1`, `fc`. ONE branches before
 * `block3`; the norm behind it belongs to the branch.
 */
export const WIDE_RESNET = networkFamily('wrn-<6n+4>-<k>', {
  examples: ['wrn-28-10', 'wrn-40-2', 'wrn-16-4'],
  images: 'CIFAR',
  aliases: ['wide-resnet', 'wideresnet'],
  build: wideResNet,
})

function wideResNet(name: string, [depth, widen]: readonly [depth: number, widen: number]): Network {
  const blocks = (depth - 4) / 6

  const stage = (layers: Layers, x: Value, index: 0 | 1 | 2) => {
    const width = STAGE_WIDTHS[index] * widen
    const geometry = { blocks, stride: index > 0 ? 2 : 1 }
    return residualStage(layers, `block${index + 1}.layer`, x, geometry, (input, stride) =>
      preActivationBlock(layers, input, width, stride),
    )
  }

  return {
    name,
    trunk: (layers, images) => stage(layers, stage(layers, layers.conv('conv1', images, STEM_WIDTH, 3), 0), 1),
    branch: (layers, features, classes) => {
      const last = layers.batchNorm('bn1', stage(layers, features, 2), { activation: 'relu' })
      return layers.linear('fc', layers.globalAveragePool('avgpool', last), classes, { bias: ZEROS })
    },
  }
}

/**
 * Batch norm, ReLU and 3x3 convolution twice, and the input added. Where the shape changes, a 1x1 convolution of the first
 * activation is added instead. x [B, C, H, W] -> [B, width, H / stride, W / stride].
 */
function preActivationBlock(layers: Layers, x: Value, width: number, stride: number): Value {
  const activation = layers.batchNorm('bn1', x, { activation: 'relu' })
  const first = layers.conv('conv1', activation, width, 3, { stride })
  const second = layers.conv('conv2', layers.batchNorm('bn2', first, { activation: 'relu' }), width, 3)
  const keepsShape = stride === 1 && x.shape[1] === width
  return layers.add(second, keepsShape ? x : layers.conv('convShortcut', activation, width, 1, { stride }))
}
