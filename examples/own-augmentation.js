// An augmentation of your own: `node examples/own-augmentation.js [images] [epochs]`, or
// `native-ensemble train --augment ./examples/own-augmentation.js --dataset cifar10`. The decode threads load this module.
import { fileURLToPath } from 'node:url'
import { isMainThread } from 'node:worker_threads'
import { cifar10, defineAugmentation, train } from 'native-ensemble'

/** @type {import('native-ensemble').OwnAugmentation} */
export const augmentation = {
  // After the crop and the flip: Gaussian noise, with one strength for each image.
  base: 'standard',
  apply: ({ pixels }, random) => {
    const strength = 12 * random.uniform()
    for (let place = 0; place < pixels.length; place++) {
      pixels[place] = Math.max(0, Math.min(255, (pixels[place] ?? 0) + strength * random.normal()))
    }
  },
}

if (isMainThread && process.argv[1] === fileURLToPath(import.meta.url)) {
  const [images = 'data/cifar10', epochs = '30'] = process.argv.slice(2)
  const augment = defineAugmentation(import.meta.url)
  const run = await train({ augment, network: 'resnet-20', dataset: cifar10(images), epochs: Number(epochs) })
  console.log(run.test?.top1)
}
