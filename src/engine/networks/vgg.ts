import { expected } from '../../vocabulary/fault.ts'
import type { Value } from '../graph/graph-builder.ts'
import { type Layers, NARROW } from './layers.ts'
import type { Network } from './network.ts'
import { networkFamily } from './network-family.ts'

/** Each stage halves them. */
const SMALLEST_IMAGES = 32
const WIDTHS = [64, 128, 256, 512, 512] as const

/** Convolutions of each stage (Simonyan and Zisserman, table 1, columns A, B, D and E). */
const CONVOLUTIONS = {
  11: [1, 1, 2, 2, 2],
  13: [2, 2, 2, 2, 2],
  16: [2, 2, 3, 3, 3],
  19: [2, 2, 4, 4, 4],
} as const satisfies Record<number, readonly number[]>

/**
 * VGG with batch norm for CIFAR (Simonyan and Zisserman, "Very Deep Convolutional Networks", ICLR 2015): the features of
 * torchvision's `vgg16_bn`, `features.0`, `features.1`, `features.3`, ..., with one linear layer, `classifier`, on their mean
 * instead of three on 7x7 places. The convolutions have no bias: the batch norm behind each would subtract it. ONE branches
 * before the last stage.
 */
export const VGG_BN = networkFamily('vgg-<11, 13, 16, 19>-bn', {
  examples: ['vgg-16-bn'],
  images: 'CIFAR',
  build: (name, [depth]) => vggBn(name, CONVOLUTIONS[depth]),
})

function vggBn(name: string, convolutions: readonly number[]): Network {
  const last = WIDTHS.length - 1

  const stages = (layers: Layers, x: Value, from: number, to: number) =>
    layers.scope('features', () => {
      let y = x
      // Each stage before has three modules a convolution (with norm and rectifier), and the pool.
      let module = convolutions.slice(0, from).reduce((sum, count) => sum + 3 * count + 1, 0)
      for (let stage = from; stage < to; stage++) {
        for (let position = 0; position < (convolutions[stage] ?? 0); position++, module += 3) {
          const filtered = layers.conv(`${module}`, y, WIDTHS[stage] ?? 0, 3)
          y = layers.batchNorm(`${module + 1}`, filtered, { activation: 'relu' })
        }
        y = layers.maxPool(`${module++}`, y, { kernel: 2, stride: 2, padding: 0 })
      }
      return y
    })

  return {
    name,
    trunk: (layers, images) => {
      const [, , height = 0, width = 0] = images.shape
      if (Math.min(height, width) < SMALLEST_IMAGES) {
        const size = `${SMALLEST_IMAGES}x${SMALLEST_IMAGES}`
        const remedy = 'Choose another network, such as wrn-16-4, or a dataset of larger images.'
        throw expected(`${size} or larger`, `the images of ${name}`, `${height}x${width}`, remedy)
      }
      return stages(layers, images, 0, last)
    },
    branch: (layers, features, classes) => {
      const pooled = layers.globalAveragePool('avgpool', stages(layers, features, last, WIDTHS.length))
      return layers.linear('classifier', pooled, classes, NARROW)
    },
  }
}
