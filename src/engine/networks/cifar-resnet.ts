import type { Value } from '../graph/graph-builder.ts'
import type { Layers } from './layers.ts'
import type { Network } from './network.ts'
import { type Block, networkFamily } from './network-family.ts'
import { BOTTLENECK_EXPANSION, basicBlock, bottleneckBlock, residualStage } from './residual-blocks.ts'

const STEM_WIDTH = 16
const STAGE_WIDTHS = [16, 32, 64] as const

/**
 * CIFAR ResNet-(6n+2), n blocks a stage (He et al., "Deep Residual Learning", section 4.2; bottlenecks from depth 44 on as in
 * the networks of ONE's authors). Names are torchvision's: `conv1`, `bn1`, `layer1.0.conv1`, `layer2.0.downsample.0`, `fc`.
 */
export const CIFAR_RESNET = networkFamily('resnet-<6n+2>', {
  examples: ['resnet-32', 'resnet-110'],
  images: 'CIFAR',
  leavesBlock: true,
  build: (name, [depth], block) => cifarResNet(name, depth, block),
})

function cifarResNet(name: string, depth: number, block: Block): Network {
  const blocks = (depth - 2) / 6
  const kind = block === 'auto' ? (depth >= 44 ? 'bottleneck' : 'basic') : block

  const stage = (layers: Layers, x: Value, index: 0 | 1 | 2) => {
    const width = STAGE_WIDTHS[index]
    const widths = { inner: width, out: width * BOTTLENECK_EXPANSION, groups: 1 }
    const geometry = { blocks, stride: index > 0 ? 2 : 1 }
    return residualStage(layers, `layer${index + 1}`, x, geometry, (input, stride) =>
      kind === 'basic' ? basicBlock(layers, input, width, stride) : bottleneckBlock(layers, input, widths, stride),
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
