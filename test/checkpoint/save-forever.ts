/** Saves checkpoint after checkpoint into the folder named by its argument until it is killed. */
import { saveCheckpoint } from '../../src/train/checkpoint/checkpoint.ts'
import { checkpointAt } from './small-run.ts'

const [runFolder = ''] = process.argv.slice(2)
for (let step = 1; ; step++) {
  await saveCheckpoint(runFolder, checkpointAt(step), 2)
  process.stdout.write('.')
}
