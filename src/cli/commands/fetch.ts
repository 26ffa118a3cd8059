import { DATASET_NAMES, type DatasetName } from '../../datasets/dataset.ts'
import { fetchDataset } from '../../datasets/fetch.ts'
import { defaultDataFolder } from '../../datasets/load-dataset.ts'
import { expected } from '../../vocabulary/fault.ts'
import { EXIT } from '../failure.ts'
import type { Invocation } from '../invocation.ts'

/** `fetch <dataset>`. */
export async function fetchCommand({ operands, options }: Invocation): Promise<number> {
  const name = operands[0] ?? ''
  if (!isDataset(name)) throw expected(`one of ${DATASET_NAMES.join(', ')}`, 'the dataset', name, 'Name one of them.')
  const folder = typeof options['data'] === 'string' ? options['data'] : defaultDataFolder(name)
  await fetchDataset(name, folder, (text: string) => process.stderr.write(`${text}\n`))
  return EXIT.done
}

function isDataset(name: string): name is DatasetName {
  return DATASET_NAMES.some((known) => known === name)
}
