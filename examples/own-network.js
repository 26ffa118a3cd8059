// A network of your own: `node examples/own-network.js [images] [epochs]`, or
// `native-ensemble train --network ./examples/own-network.js --dataset cifar10`.
import { fileURLToPath } from 'node:url'
import { cifar10, defineNetwork, train } from 'native-ensemble'

/**
 * Convolution, batch norm, rectifier.
 * @type {(layers: import('native-ensemble/engine').Layers, name: string, x: import('native-ensemble/engine').Value,
 *   channels: number, stride?: number) => import('native-ensemble/engine').Value}
 */
const block = (layers, name, x, channels, stride = 1) =>
  layers.scope(name, () =>
    layers.batchNorm('bn', layers.conv('conv', x, channels, 3, { stride }), { activation: 'relu' }),
  )

export const network = defineNetwork({
  name: 'small-vgg',
  // Normalised images [B, 3, 32, 32] -> features [B, 64, 16, 16], which the branches of ONE share.
  trunk: (layers, images) => block(layers, 'stage2', block(layers, 'stage1', images, 32), 64, 2),
  // Features -> logits f32 [B, classes]: what each branch has of its own.
  branch: (layers, features, classes) => {
    const x = block(layers, 'stage4', block(layers, 'stage3', features, 128, 2), 128)
    return layers.linear('fc', layers.globalAveragePool('pool', x), classes)
  },
})

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [images = 'data/cifar10', epochs = '30'] = process.argv.slice(2)
  const run = await train({ network, dataset: cifar10(images), epochs: Number(epochs), log: true })
  console.log(run.test?.top1)
}
