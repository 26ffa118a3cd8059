import { evaluateCheckpoint } from '../../api/evaluate.ts'
import { classifierNames } from '../../report/classifier-names.ts'
import { printErrorTable } from '../../report/error-table.ts'
import { EXIT } from '../failure.ts'
import { givenSettings } from '../given-settings.ts'
import type { Invocation } from '../invocation.ts'
import { readCheckpointChoice, readSplit } from '../read-option.ts'

/** `evaluate <run>`. */
export async function evaluateCommand({ operands, options }: Invocation): Promise<number> {
  const { ema, ...settings } = options
  const choice = {
    checkpoint: readCheckpointChoice(options['checkpoint']),
    split: readSplit(options['split']),
    ema: ema === true,
  }
  const { line, config } = await evaluateCheckpoint(operands[0] ?? '', { ...givenSettings(settings), ...choice })
  if (options['json'] === true) process.stdout.write(`${JSON.stringify(line)}\n`)
  else {
    const title = `${choice.split === 'test' ? 'Test' : 'Training'} error after step ${line.step}, percent of ${line.images} images`
    process.stdout.write(`${printErrorTable(title, line.top1_error, line.top5_error, classifierNames(config))}\n`)
  }
  return EXIT.done
}
