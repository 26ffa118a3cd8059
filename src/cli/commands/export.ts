import { EXPORT_FORMATS, type ExportFormat } from '../../deploy/export/export-formats.ts'
import { exportModel } from '../../deploy/export/export-model.ts'
import { expected } from '../../vocabulary/fault.ts'
import { didYouMean } from '../../vocabulary/nearest-word.ts'
import { EXIT } from '../failure.ts'
import type { Invocation } from '../invocation.ts'
import { readCheckpointChoice, readMember, readWholeNumber } from '../read-option.ts'

const INPUTS = ['float32', 'uint8'] as const

/** `export <model>`. */
export async function exportCommand({ operands, options }: Invocation): Promise<number> {
  const { checkpoint, out, input } = options
  const choice = {
    format: readFormat(options['format'] ?? 'safetensors'),
    member: readWhich(options),
    checkpoint: checkpoint === undefined ? undefined : readCheckpointChoice(checkpoint),
    ema: options['ema'] === true,
    foldBatchNorm: options['foldBatchNorm'] === true,
    input: input === undefined ? undefined : readChoice(input, INPUTS, '--input'),
    out: typeof out === 'string' ? out : undefined,
  }
  const notice = (text: string) => process.stderr.write(`${text}\n`)
  const { path, tensors, numbers } = await exportModel(operands[0] ?? '', choice, notice)
  process.stdout.write(`${path}: ${tensors} tensors, ${numbers} numbers\n`)
  return EXIT.done
}

/** `--member`, or `--branch`, which is what it was called when only branches were exported. */
function readWhich({ member, branch }: Invocation['options']): number | 'ensemble' | undefined {
  if (member !== undefined && branch !== undefined) {
    throw expected('one of --member and --branch', 'export', 'both', 'They say the same: leave --branch out.')
  }
  if (branch !== undefined) return readWholeNumber(branch, '--branch', 'the number of a branch, from 0')
  return member === undefined ? undefined : readMember(member, '--member')
}

function readFormat(value: unknown): ExportFormat {
  return readChoice(value, EXPORT_FORMATS, '--format')
}

function readChoice<Choice extends string>(value: unknown, choices: readonly Choice[], name: string): Choice {
  const found = choices.find((choice) => choice === value)
  if (found !== undefined) return found
  throw expected(choices.join(', '), name, value, didYouMean(value, choices, `Choose ${choices[0]}, say.`))
}
