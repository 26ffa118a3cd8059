import { join } from 'node:path'
import { readConfig } from '../../config/make-config.ts'
import { findCheckpoint } from '../../train/checkpoint/checkpoint.ts'
import { exportBranch } from '../../train/checkpoint/export.ts'
import { refuseOtherNetwork } from '../../train/checkpoint/model-description.ts'
import { openRunFolder } from '../../train/run/run-folder.ts'
import { elementCount } from '../../vocabulary/shape.ts'
import { EXIT } from '../failure.ts'
import type { Invocation } from '../invocation.ts'
import { readCheckpointChoice, readWholeNumber } from '../read-option.ts'

/** `export <run>`. */
export async function exportCommand({ operands, options }: Invocation): Promise<number> {
  const branch = readWholeNumber(options['branch'] ?? 0, '--branch', 'the number of a branch, from 0')
  const choice = readCheckpointChoice(options['checkpoint'])
  const { folder: run } = await openRunFolder(operands[0] ?? '')
  const given = options['out']
  const out = typeof given === 'string' ? given : join(run, `branch-${branch}.safetensors`)
  const folder = await findCheckpoint(run, choice)
  const tensors = await exportBranch(folder, branch, out, async ({ description }) => {
    if (description !== null) refuseOtherNetwork(description, folder, await readConfig(run), run)
    else
      process.stderr.write(`${folder} is from before runs said their classes and input: the export does not either.\n`)
  })
  const numbers = tensors.reduce((sum, { shape }) => sum + elementCount(shape), 0)
  process.stdout.write(`${out}: ${tensors.length} tensors, ${numbers} numbers\n`)
  return EXIT.done
}
