// ResNet-20 with ONE on CIFAR-10: `node examples/first-training.js [images] [epochs]`, images as `native-ensemble fetch` gets them.
import { cifar10, evaluate, fetchDataset, one, train } from 'native-ensemble'

const [given, epochs = '30'] = process.argv.slice(2)
const images = given ?? (await fetchDataset('cifar10'))

const run = await train({
  network: 'resnet-20',
  method: one({ branches: 3 }),
  dataset: cifar10(images),
  epochs: Number(epochs),
  onEpoch: ({ epoch, train: trained, test, stop }) => {
    console.log(`epoch ${epoch + 1}: loss ${trained?.loss.toFixed(3)}, test error ${test?.top1.mean.toFixed(2)} %`)
    // Good enough: the run is saved, and `resume(run.folder)` would go on.
    if (test !== null && test.top1.mean < 7) stop()
  },
})

const { top1 } = await evaluate(run.folder, { checkpoint: 'best' })
console.log(`${run.folder}: one branch ${top1.mean.toFixed(2)} %, the ensemble ${top1.ensemble?.toFixed(2)} %`)
