import type { Value } from '../graph/graph-builder.ts'
import { expected } from '../vocabulary/fault.ts'
import type { Layers } from './layers.ts'
import type { Network } from './network.ts'

export type BlockKind = 'basic' | 'bottleneck'

const STEM_WIDTH = 16
const STAGE_WIDTHS = [16, 32, 64] as const
const BOTTLENECK_EXPANSION = 4

/**
 * CIFAR ResNet-(6n+2) (He et al., "Deep Residual Learning", section 4.2; bottlenecks from depth 44 on as in the networks
 * of the paper's authors). Names are torchvision's: `conv1`, `bn1`, `layer1.0.conv1`, `layer2.0.downsample.0`, `fc`.
 * @param depth 6n + 2, n blocks a stage
 * @throws UserFault for another depth
 */
export function cifarResNet(depth: number, block: BlockKind | 'auto'): Network {
  const blocks = (depth - 2) / 6
  if (!Number.isInteger(blocks) || blocks < 1) {
    throw expected(
      '6n + 2 (8, 14, 20, 32, 56, 110, ...)',
      'the depth of a CIFAR ResNet',
      depth,
      'Choose resnet-32, say.',
    )
  }
  const kind = block === 'auto' ? (depth >= 44 ? 'bottleneck' : 'basic') : block
  const captureBlock = kind === 'basic' ? basicBlock : bottleneckBlock

  const stage = (layers: Layers, x: Value, index: 0 | 1 | 2) =>
    layers.scope(`layer${index + 1}`, () => {
      let y = x
      for (let position = 0; position < blocks; position++) {
        const stride = position === 0 && index > 0 ? 2 : 1
        const input = y
        y = layers.scope(`${position}`, () => captureBlock(layers, input, STAGE_WIDTHS[index], stride))
      }
      return y
    })

  return {
    name: `resnet-${depth}`,
    trunk: (layers, images) => {
      const stem = layers.conv('conv1', images, STEM_WIDTH, 3)
      const x = layers.batchNorm('bn1', stem, { relu: true })
      return stage(layers, stage(layers, x, 0), 1)
    },
    branch: (layers, features, classes) => {
      const pooled = layers.globalAveragePool('avgpool', stage(layers, features, 2))
      return layers.linear('fc', pooled, classes)
    },
  }
}

/** The shortcut of a block: the input itself, or a 1x1 convolution with batch norm where the shape changes. */
function shortcut(layers: Layers, x: Value, out: number, stride: number): Value {
  if (stride === 1 && x.shape[1] === out) return x
  return layers.scope('downsample', () =>
    layers.batchNorm('1', layers.conv('0', x, out, 1, { stride }), { relu: false }),
  )
}

function basicBlock(layers: Layers, x: Value, width: number, stride: number): Value {
  const first = layers.batchNorm('bn1', layers.conv('conv1', x, width, 3, { stride }), { relu: true })
  const second = layers.conv('conv2', first, width, 3)
  return layers.batchNorm('bn2', second, { relu: true, residual: shortcut(layers, x, width, stride) })
}

/** The stride sits on the 3x3 convolution, torchvision's way. */
function bottleneckBlock(layers: Layers, x: Value, width: number, stride: number): Value {
  const out = width * BOTTLENECK_EXPANSION
  const first = layers.batchNorm('bn1', layers.conv('conv1', x, width, 1), { relu: true })
  const second = layers.batchNorm('bn2', layers.conv('conv2', first, width, 3, { stride }), { relu: true })
  const third = layers.conv('conv3', second, out, 1)
  return layers.batchNorm('bn3', third, { relu: true, residual: shortcut(layers, x, out, stride) })
}
