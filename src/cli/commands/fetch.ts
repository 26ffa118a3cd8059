import { DATASET_NAMES, type DatasetName } from '../../datasets/dataset.ts'
import { fetchDataset } from '../../datasets/fetch-dataset.ts'
import { defaultDataFolder } from '../../datasets/load-dataset.ts'
import { ProgressDisplay } from '../../report/progress.ts'
import { expected } from '../../vocabulary/fault.ts'
import { EXIT } from '../failure.ts'
import type { Invocation } from '../invocation.ts'
import { printBytes } from '../text-table.ts'

/** `fetch <dataset>`. */
export async function fetchCommand({ operands, options }: Invocation): Promise<number> {
  const name = operands[0] ?? ''
  if (!isDataset(name)) throw expected(`one of ${DATASET_NAMES.join(', ')}`, 'the dataset', name, 'Name one of them.')
  const folder = typeof options['data'] === 'string' ? options['data'] : defaultDataFolder(name)
  const display = new ProgressDisplay(process.stderr)
  let current = ''
  try {
    await fetchDataset(name, folder, ({ step, bytes, total }) => {
      if (step !== current) display.note(`${name}: ${step}`)
      current = step
      display.status(`  ${printBytes(bytes)}${total === null ? '' : ` of ${printBytes(total)}`}`)
    })
  } finally {
    display.close()
  }
  process.stderr.write(`${name} is in ${folder}\n`)
  return EXIT.done
}

function isDataset(name: string): name is DatasetName {
  return DATASET_NAMES.some((known) => known === name)
}
