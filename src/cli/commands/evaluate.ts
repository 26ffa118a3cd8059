import { classifierNames } from '../../report/classifier-names.ts'
import { printErrorTable } from '../../report/error-table.ts'
import { findCheckpoint } from '../../train/checkpoint/checkpoint.ts'
import { loadImages } from '../../train/run/load-images.ts'
import { readConfigWithImages } from '../../train/run/run-images.ts'
import { EXIT } from '../failure.ts'
import { givenSettings } from '../given-settings.ts'
import type { Invocation } from '../invocation.ts'
import { readCheckpointChoice, readSplit } from '../read-option.ts'

/** `evaluate <run>`. */
export async function evaluateCommand({ operands, options }: Invocation): Promise<number> {
  const choice = readCheckpointChoice(options['checkpoint'])
  const split = readSplit(options['split'])
  const config = await readConfigWithImages(operands[0] ?? '', givenSettings(options))
  const checkpoint = await findCheckpoint(config.out, choice)
  const images = loadImages(config)
  const { evaluateRun } = await import('../../train/run/evaluate-run.ts')
  const result = await evaluateRun(config, images, checkpoint, split)
  if (options['json'] === true) process.stdout.write(`${JSON.stringify(result)}\n`)
  else {
    const title = `${split === 'test' ? 'Test' : 'Training'} error after step ${result.step}, percent of ${result.images} images`
    process.stdout.write(`${printErrorTable(title, result.top1_error, result.top5_error, classifierNames(config))}\n`)
  }
  return EXIT.done
}
