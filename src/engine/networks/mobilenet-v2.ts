import type { Value } from '../graph/graph-builder.ts'
import { type Layers, NARROW } from './layers.ts'
import type { Network } from './network.ts'
import { networkFamily } from './network-family.ts'

const STEM_WIDTH = 32
const LAST_WIDTH = 1280

interface Stage {
  /** Channels of the depthwise convolution, as a multiple of the block's input. */
  readonly expansion: number
  readonly width: number
  readonly blocks: number
  readonly stride: 1 | 2
}

/** Sandler et al., table 2: the stages before ONE branches, and the last two, which are what a branch has. */
const SHARED_STAGES: readonly Stage[] = [
  { expansion: 1, width: 16, blocks: 1, stride: 1 },
  { expansion: 6, width: 24, blocks: 2, stride: 2 },
  { expansion: 6, width: 32, blocks: 3, stride: 2 },
  { expansion: 6, width: 64, blocks: 4, stride: 2 },
  { expansion: 6, width: 96, blocks: 3, stride: 1 },
]
const LAST_STAGES: readonly Stage[] = [
  { expansion: 6, width: 160, blocks: 3, stride: 2 },
  { expansion: 6, width: 320, blocks: 1, stride: 1 },
]

/**
 * MobileNetV2 (Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018), layer by layer and name
 * by name torchvision's `mobilenet_v2`, without the dropout before its classifier. ONE branches before the last stage whose
 * stride is 2, `features.14`.
 */
export const IMAGENET_MOBILENET_V2 = networkFamily('imagenet-mobilenet-v2', {
  examples: ['imagenet-mobilenet-v2'],
  images: 'ImageNet',
  build: (name) => mobileNetV2(name, { stem: 2, second: 2 }),
})

/** For images of 32x32: the stem and the stage of 24 channels keep the size, the usual change for CIFAR. */
export const MOBILENET_V2 = networkFamily('mobilenet-v2', {
  examples: ['mobilenet-v2'],
  images: 'CIFAR',
  build: (name) => mobileNetV2(name, { stem: 1, second: 1 }),
})

function mobileNetV2(name: string, strides: { readonly stem: 1 | 2; readonly second: 1 | 2 }): Network {
  const shared = SHARED_STAGES.map((stage, index) => (index === 1 ? { ...stage, stride: strides.second } : stage))
  const firstOfBranch = 1 + shared.reduce((sum, { blocks }) => sum + blocks, 0)
  const afterBlocks = firstOfBranch + LAST_STAGES.reduce((sum, { blocks }) => sum + blocks, 0)

  return {
    name,
    trunk: (layers, images) =>
      layers.scope('features', () => {
        const stem = convNormRelu6(layers, '0', images, STEM_WIDTH, 3, { stride: strides.stem })
        return stages(layers, stem, shared, 1)
      }),
    branch: (layers, features, classes) => {
      const last = layers.scope('features', () => {
        const narrow = stages(layers, features, LAST_STAGES, firstOfBranch)
        return convNormRelu6(layers, `${afterBlocks}`, narrow, LAST_WIDTH, 1)
      })
      return layers.linear('classifier.1', layers.globalAveragePool('avgpool', last), classes, NARROW)
    },
  }
}

/** @param first number of the first block among the features */
function stages(layers: Layers, x: Value, list: readonly Stage[], first: number): Value {
  let y = x
  let module = first
  for (const { expansion, width, blocks, stride } of list) {
    for (let position = 0; position < blocks; position++, module++) {
      const input = y
      const geometry = { expansion, width, stride: position === 0 ? stride : 1 }
      y = layers.scope(`${module}.conv`, () => invertedResidual(layers, input, geometry))
    }
  }
  return y
}

/**
 * 1x1 convolution to more channels, depthwise 3x3, and 1x1 to few channels without an activation; the input is added where
 * the shape stays. x [B, C, H, W] -> [B, width, H / stride, W / stride].
 */
function invertedResidual(
  layers: Layers,
  x: Value,
  { expansion, width, stride }: Pick<Stage, 'expansion' | 'width'> & { readonly stride: number },
): Value {
  const channels = x.shape[1] ?? 0
  const inner = channels * expansion
  let module = 0
  const wide = expansion === 1 ? x : convNormRelu6(layers, `${module++}`, x, inner, 1)
  const filtered = convNormRelu6(layers, `${module++}`, wide, inner, 3, { stride, groups: inner })
  const narrow = layers.conv(`${module}`, filtered, width, 1)
  const residual = stride === 1 && channels === width ? { residual: x } : {}
  return layers.batchNorm(`${module + 1}`, narrow, { activation: null, ...residual })
}

/** torchvision's Conv2dNormActivation: `<name>.0` and `<name>.1`. */
function convNormRelu6(
  layers: Layers,
  name: string,
  x: Value,
  out: number,
  kernel: number,
  geometry: { readonly stride?: number; readonly groups?: number } = {},
): Value {
  return layers.scope(name, () =>
    layers.batchNorm('1', layers.conv('0', x, out, kernel, geometry), { activation: 'relu6' }),
  )
}
