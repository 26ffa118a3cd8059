import type { Value } from '../graph/graph-builder.ts'
import type { Layers } from './layers.ts'
import type { Network } from './network.ts'
import { networkFamily } from './network-family.ts'
import { BOTTLENECK_EXPANSION, basicBlock, bottleneckBlock, residualStage } from './residual-blocks.ts'

const STEM_WIDTH = 64
const STAGE_WIDTHS = [64, 128, 256, 512] as const

/** Blocks of each stage (He et al., "Deep Residual Learning", table 1). */
const BLOCKS = {
  18: [2, 2, 2, 2],
  34: [3, 4, 6, 3],
  50: [3, 4, 6, 3],
  101: [3, 4, 23, 3],
  152: [3, 8, 36, 3],
} as const satisfies Record<number, readonly [number, number, number, number]>

/** Depths below this have basic blocks. */
const FIRST_BOTTLENECK_DEPTH = 50
/** Channels of a bottleneck's 3x3 convolution in the first stage of a ResNet, in one group. */
const RESNET_WIDTH = 64

interface ImageNetResNetSizes {
  readonly depth: keyof typeof BLOCKS
  /** Groups of the 3x3 convolutions: 1 is a ResNet, 32 with a base width of 4 ResNeXt 32x4d. */
  readonly cardinality: number
  /** Channels of a group in the first stage; 64 in a ResNet. */
  readonly baseWidth: number
}

/**
 * ResNet and ResNeXt for images of 224x224 (any size from 32x32 on), layer by layer torchvision's `resnet18`, `resnet50`,
 * `resnext50_32x4d`: names, layouts, and the stride of a bottleneck on its 3x3 convolution. ONE branches before `layer4`.
 */
export const IMAGENET_RESNET = networkFamily('imagenet-resnet-<18, 34, 50, 101, 152>', {
  examples: ['imagenet-resnet-18', 'imagenet-resnet-50'],
  images: 'ImageNet',
  build: (name, [depth]) => imageNetResNet(name, { depth, cardinality: 1, baseWidth: RESNET_WIDTH }),
})

/** Groups need the bottlenecks of the deeper networks. */
export const IMAGENET_RESNEXT = networkFamily('imagenet-resnext-<50, 101, 152>-<cardinality>x<width>d', {
  examples: ['imagenet-resnext-50-32x4d'],
  images: 'ImageNet',
  build: (name, [depth, cardinality, baseWidth]) => imageNetResNet(name, { depth, cardinality, baseWidth }),
})

function imageNetResNet(name: string, { depth, cardinality, baseWidth }: ImageNetResNetSizes): Network {
  const stage = (layers: Layers, x: Value, index: 0 | 1 | 2 | 3) => {
    const width = STAGE_WIDTHS[index]
    const inner = cardinality * baseWidth * 2 ** index
    const widths = { inner, out: width * BOTTLENECK_EXPANSION, groups: cardinality }
    const geometry = { blocks: BLOCKS[depth][index], stride: index > 0 ? 2 : 1 }
    return residualStage(layers, `layer${index + 1}`, x, geometry, (input, stride) =>
      depth < FIRST_BOTTLENECK_DEPTH
        ? basicBlock(layers, input, width, stride)
        : bottleneckBlock(layers, input, widths, stride),
    )
  }

  return {
    name,
    trunk: (layers, images) => {
      const stem = layers.conv('conv1', images, STEM_WIDTH, 7, { stride: 2 })
      const x = layers.batchNorm('bn1', stem, { activation: 'relu' })
      const pooled = layers.maxPool('maxpool', x, { kernel: 3, stride: 2, padding: 1 })
      return stage(layers, stage(layers, stage(layers, pooled, 0), 1), 2)
    },
    branch: (layers, features, classes) => {
      const pooled = layers.globalAveragePool('avgpool', stage(layers, features, 3))
      return layers.linear('fc', pooled, classes)
    },
  }
}
