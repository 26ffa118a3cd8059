import { join } from 'node:path'
import { findCheckpoint } from '../../checkpoint/checkpoint.ts'
import { exportBranch } from '../../checkpoint/export.ts'
import { openRunFolder } from '../../trainer/run-folder.ts'
import { elementCount } from '../../vocabulary/shape.ts'
import { EXIT } from '../failure.ts'
import type { Invocation } from '../invocation.ts'
import { readCheckpointChoice, readWholeNumber } from '../read-option.ts'

/** `export <run>`. */
export async function exportCommand({ operands, options }: Invocation): Promise<number> {
  const branch = readWholeNumber(options['branch'] ?? 0, '--branch', 'the number of a branch, from 0')
  const choice = readCheckpointChoice(options['checkpoint'])
  const { folder } = await openRunFolder(operands[0] ?? '')
  const given = options['out']
  const out = typeof given === 'string' ? given : join(folder, `branch-${branch}.safetensors`)
  const tensors = await exportBranch(await findCheckpoint(folder, choice), branch, out)
  const numbers = tensors.reduce((sum, { shape }) => sum + elementCount(shape), 0)
  process.stdout.write(`${out}: ${tensors.length} tensors, ${numbers} numbers\n`)
  return EXIT.done
}
