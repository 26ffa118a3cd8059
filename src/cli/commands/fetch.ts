import { fetchDataset } from '../../data/datasets/fetch-dataset.ts'
import { ILSVRC2012 } from '../../data/datasets/ilsvrc2012.ts'
import { defaultDataFolder } from '../../data/datasets/load-dataset.ts'
import { ProgressDisplay } from '../../report/progress.ts'
import { PREPARED_DATASETS, PUBLISHED_DATASETS, type PublishedName } from '../../vocabulary/dataset-name.ts'
import { expected } from '../../vocabulary/fault.ts'
import { didYouMean } from '../../vocabulary/nearest-word.ts'
import { printBytes } from '../../vocabulary/print-bytes.ts'
import { EXIT } from '../failure.ts'
import type { Invocation } from '../invocation.ts'

/** `fetch <dataset>`. */
export async function fetchCommand({ operands, options }: Invocation): Promise<number> {
  const name = operands[0] ?? ''
  if (!isPublished(name)) {
    const remedy = PREPARED_DATASETS.some((known) => known === name)
      ? IMAGENET_REMEDY
      : didYouMean(name, PUBLISHED_DATASETS, 'Name one of them.')
    throw expected(`one of ${PUBLISHED_DATASETS.join(', ')}`, 'the dataset', name, remedy)
  }
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

const { home, trainArchive, validationArchive, devkitArchive } = ILSVRC2012
/** ImageNet is given to registered people only. */
const IMAGENET_REMEDY =
  `Take ${trainArchive}, ${validationArchive} and ${devkitArchive} from ${home} into one folder, then pack them: ` +
  'native-ensemble prepare <folder> data/imagenet. Pictures of your own: native-ensemble prepare <folder> data/image-folder.'

function isPublished(name: string): name is PublishedName {
  return PUBLISHED_DATASETS.some((known) => known === name)
}
