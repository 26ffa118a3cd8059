// Your own pictures: `node examples/own-pictures.js <photos> <shards> [pixels] [epochs]`; photos has one folder for each class.
import { imageFolder, prepare, train, UserFault } from 'native-ensemble'

const [photos = 'photos', shards = 'shards', pixels = '224', epochs = '90'] = process.argv.slice(2)

try {
  const packed = await prepare({
    source: photos,
    out: shards,
    validation: 0.2,
    onBad: 'skip',
    input: Number(pixels),
    onProgress: ({ images, allImages }) => console.log(`${images} of ${allImages} pictures`),
  })
  for (const { name, reason } of packed.bad) console.log(`left out: ${name}: ${reason}`)
  console.log(`${packed.images.train} training and ${packed.images.test} test pictures of ${packed.classes} classes`)

  const run = await train({
    dataset: imageFolder(shards),
    network: 'imagenet-resnet-18',
    epochs: Number(epochs),
    batch: Math.min(128, packed.images.train),
    log: true,
  })
  console.log(`test error ${run.test?.top1.mean.toFixed(2)} %, report: ${run.folder}/report.html`)
} catch (error) {
  // What the user can mend: one sentence, and the remedy.
  if (!(error instanceof UserFault)) throw error
  console.error(`${error.message}\n${error.remedy}`)
  process.exitCode = 2
}
