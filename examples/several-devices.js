// One replica on each device: `node examples/several-devices.js [gpu:all | gpu:0,1 | cpu:2 | xla-cpu:2] [dataset] [images] [epochs]`.
// Ctrl-C saves the run and ends; the same command with the run folder behind it goes on.
import { one, resume, train } from 'native-ensemble'

const [devices = 'gpu:all', dataset = 'cifar100', images, epochs = '300', begun] = process.argv.slice(2)
const interrupted = new AbortController()
process.once('SIGINT', () => interrupted.abort())

/** @type {import('native-ensemble').RunControl} */
const control = {
  signal: interrupted.signal,
  onCheckpoint: ({ step }) => console.log(`step ${step} is saved`),
}
const run =
  begun === undefined
    ? await train({
        network: 'resnet-32',
        method: one({ branches: 3 }),
        dataset,
        ...(images !== undefined && { data: images }),
        devices,
        precision: devices.startsWith('gpu') ? 'bf16' : 'fp32',
        epochs: Number(epochs),
        ...control,
      })
    : await resume(begun, control)
console.log(`${run.folder} ${run.ended} after ${run.step} steps`)
