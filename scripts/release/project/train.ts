/** A script of somebody who installed the package: trains, follows the run, stops it, resumes and evaluates. */
import { type Evaluation, evaluate, type Run, resume, train, UserFault } from 'native-ensemble'

const losses: number[] = []
const first: Run = await train({
  network: 'resnet-8',
  branches: 2,
  dataset: 'cifar10',
  data: 'cifar-10-binary.tar.gz',
  batch: 16,
  steps: 20,
  out: 'by-api',
  onStep({ step, loss, stop }) {
    losses.push(loss)
    if (step === 3) stop()
  },
})
const whole = await resume(first.folder)
const { top1 }: Evaluation = await evaluate(whole.folder)

let refused: string | null = null
try {
  await train({ network: 'resnet-7' })
} catch (error) {
  if (!(error instanceof UserFault)) throw error
  refused = error.message
}
console.log(JSON.stringify({ losses, ended: [first.ended, whole.ended], step: whole.step, top1, refused }))
