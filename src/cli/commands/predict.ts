import { imageFiles } from '../../deploy/model/image-files.ts'
import type { Prediction } from '../../deploy/model/predictions.ts'
import { loadModel, type ModelOptions } from '../../deploy/model.ts'
import { expected } from '../../vocabulary/fault.ts'
import { didYouMean } from '../../vocabulary/nearest-word.ts'
import { EXIT } from '../failure.ts'
import type { Invocation } from '../invocation.ts'
import { readCheckpointChoice, readMember, readWholeNumber } from '../read-option.ts'

const CLASSES = 5

/** `predict <model> <images...>`. */
export async function predictCommand({ operands, options }: Invocation): Promise<number> {
  const [source = '', ...paths] = operands
  const json = options['json'] === true
  const top = readWholeNumber(options['top'] ?? CLASSES, '--top', 'how many classes of each image, from 1')
  if (top === 0) throw expected('how many classes of each image, from 1', '--top', top, 'Leave it out for five.')
  const model = await loadModel(source, modelOptions(options))
  let classified = 0
  let odd = 0
  const say = (line: unknown, words: string) => process.stdout.write(`${json ? JSON.stringify(line) : words}\n`)
  const sayOdd = (file: string, problem: string) => {
    odd++
    say({ file, error: problem }, `${file}: not classified: ${problem}`)
  }
  try {
    await model.ready()
    const began = performance.now()
    for await (const { input, predictions, problem } of model.results(imageFiles(paths, sayOdd), { top })) {
      if (predictions === null) sayOdd(input, problem)
      else {
        classified++
        say({ file: input, predictions }, `${input}: ${predictions.map(printPrediction).join(', ')}`)
      }
    }
    const seconds = (performance.now() - began) / 1000
    const speed = Math.round((10 * classified) / seconds) / 10
    const none = classified + odd === 0
    if (none) throw expected('images', 'predict', 'folders without files', 'Name files, or folders that have some.')
    const left = odd === 0 ? '' : `, ${odd} not`
    say(
      { images: classified, odd, seconds, images_per_second: speed },
      `${classified} images classified${left}, ${speed} images/s`,
    )
  } finally {
    await model.close()
  }
  return odd === 0 ? EXIT.done : EXIT.userFault
}

function modelOptions({ member, checkpoint, executor, devices }: Invocation['options']): ModelOptions {
  return {
    ...(member === undefined ? {} : { member: readMember(member, '--member') }),
    ...(checkpoint === undefined ? {} : { checkpoint: readCheckpointChoice(checkpoint) }),
    ...(executor === undefined ? {} : { executor: readExecutor(executor) }),
    ...(typeof devices === 'string' ? { devices } : {}),
  }
}

function readExecutor(value: unknown): 'cpu' | 'tfjs' | 'xla' {
  const choices = ['cpu', 'tfjs', 'xla'] as const
  const found = choices.find((choice) => choice === value)
  if (found !== undefined) return found
  throw expected('cpu, tfjs or xla', '--executor', value, didYouMean(value, choices, 'Leave it out for cpu.'))
}

function printPrediction({ label, probability }: Prediction): string {
  return `${label} ${(100 * probability).toFixed(2)} %`
}
