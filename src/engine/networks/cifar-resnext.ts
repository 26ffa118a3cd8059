import type { Value } from '../graph/graph-builder.ts'
import type { Layers } from './layers.ts'
import type { Network } from './network.ts'
import { networkFamily } from './network-family.ts'
import { bottleneckBlock, residualStage } from './residual-blocks.ts'

const STEM_WIDTH = 64
const STAGE_WIDTHS = [64, 128, 256] as const

interface CifarResNextSizes {
  /** 9n + 2, n blocks a stage. */
  readonly depth: number
  /** Groups of each 3x3 convolution. */
  readonly cardinality: number
  /** Channels of a group in the first stage; twice and four times as many in the others. */
  readonly baseWidth: number
  /** Channels out of the stages are this multiple of 64, 128, 256. */
  readonly widen: number
}

/**
 * ResNeXt for CIFAR (Xie et al., "Aggregated Residual Transformations for Deep Neural Networks", section 5.3):
 * ResNeXt-29 8x64d is depth 29, cardinality 8, base width 64, widen 4. Names are torchvision's, as in CIFAR ResNets.
 */
export const CIFAR_RESNEXT = networkFamily('resnext-<9n+2>-<cardinality>x<width>d[-widen<multiple>]', {
  examples: ['resnext-29-8x64d'],
  images: 'CIFAR',
  build: (name, [depth, cardinality, baseWidth, widen = 4]) =>
    cifarResNext(name, { depth, cardinality, baseWidth, widen }),
})

function cifarResNext(name: string, { depth, cardinality, baseWidth, widen }: CifarResNextSizes): Network {
  const blocks = (depth - 2) / 9

  const stage = (layers: Layers, x: Value, index: 0 | 1 | 2) => {
    const inner = cardinality * baseWidth * 2 ** index
    const widths = { inner, out: STAGE_WIDTHS[index] * widen, groups: cardinality }
    const geometry = { blocks, stride: index > 0 ? 2 : 1 }
    return residualStage(layers, `layer${index + 1}`, x, geometry, (input, stride) =>
      bottleneckBlock(layers, input, widths, stride),
    )
  }

  return {
    name,
    trunk: (layers, images) => {
      const stem = layers.conv('conv1', images, STEM_WIDTH, 3)
      const x = layers.batchNorm('bn1', stem, { activation: 'relu' })
      return stage(layers, stage(layers, x, 0), 1)
    },
    branch: (layers, features, classes) => {
      const pooled = layers.globalAveragePool('avgpool', stage(layers, features, 2))
      return layers.linear('fc', pooled, classes)
    },
  }
}
