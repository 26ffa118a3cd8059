// Fine-tuning: `node examples/fine-tuning.js <CIFAR-10 archive> <shards> [epochs]`. A network that was trained on CIFAR-10 goes on
// with other classes: the shards that `prepare` made of your pictures. `init` also takes a run, an export or PyTorch's weights.
import { cifar10, imageFolder, one, train, UserFault, vanilla } from 'native-ensemble'

const [archive, shards = 'shards', epochs = '30'] = process.argv.slice(2)
const network = 'resnet-20'

try {
  const first = await train({ network, method: vanilla(), dataset: cifar10(archive), epochs: Number(epochs) })

  const tuned = await train({
    network,
    // The plain network fills the trunk and each branch; the classifiers are made anew for the new classes.
    init: first.folder,
    method: one({ branches: 2 }),
    dataset: imageFolder(shards),
    // These layers stay as they are, layer2 learns at a tenth of the rate.
    freeze: 'conv1,bn1,layer1',
    lrScale: 'layer2=0.1',
    learningRate: 0.01,
    schedule: 'cosine',
    batch: 16,
    epochs: Number(epochs),
    log: true,
  })
  console.log(`fine-tuned in ${tuned.folder}: test error ${tuned.test?.top1.mean.toFixed(2)} %`)
} catch (error) {
  if (!(error instanceof UserFault)) throw error
  console.error(`${error.message}\n${error.remedy}`)
  process.exitCode = 2
}
