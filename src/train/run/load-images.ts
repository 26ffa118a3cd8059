import type { RunConfig } from '../../config/run-config.ts'
import type { LoadedDataset } from '../../data/datasets/dataset.ts'
import { withChoices } from '../../data/datasets/describe-dataset.ts'
import { defaultDataFolder, loadDataset } from '../../data/datasets/load-dataset.ts'
import { loadOwnDataset } from '../../data/datasets/own-dataset.ts'
import { takeFraction } from '../../data/datasets/take-fraction.ts'

/**
 * Begins to read a run's images, which can go on while the rest of the program is loaded. A fault is told where the
 * promise is awaited, unless something else is wrong before.
 * @throws UserFault as loadDataset
 */
export function loadImages({ dataset, data, inputStd, imageSize, trainFraction }: RunConfig): Promise<LoadedDataset> {
  const loading = load(dataset, data).then((loaded) => ({
    ...loaded,
    description: withChoices(loaded.description, { inputStd, imageSize }),
    train: takeFraction(loaded.train, trainFraction),
  }))
  loading.catch(() => undefined)
  return loading
}

async function load(dataset: RunConfig['dataset'], data: string | null): Promise<LoadedDataset> {
  return (await loadOwnDataset(dataset, data)) ?? (await loadDataset(dataset, data ?? defaultDataFolder(dataset)))
}
