import type { RunConfig } from '../config/run-config.ts'
import type { LoadedDataset } from '../datasets/dataset.ts'
import { defaultDataFolder, loadDataset } from '../datasets/load-dataset.ts'

/**
 * Begins to read a run's images, which can go on while the rest of the program is loaded. A fault is told where the
 * promise is awaited, unless something else is wrong before.
 * @throws UserFault as loadDataset
 */
export function loadImages({ dataset, data }: RunConfig): Promise<LoadedDataset> {
  const loading = loadDataset(dataset, data ?? defaultDataFolder(dataset))
  loading.catch(() => undefined)
  return loading
}
