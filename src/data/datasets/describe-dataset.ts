/** What is known of a run's dataset before its images are read. */
import { type DatasetName, isPrepared } from '../../vocabulary/dataset-name.ts'
import { CATALOGUE } from './catalogue.ts'
import type { DatasetDescription } from './dataset.ts'
import { ILSVRC2012, PHOTOGRAPH_COLOURS } from './ilsvrc2012.ts'
import { defaultDataFolder } from './load-dataset.ts'
import { describeShards } from './load-shards.ts'
import { describeOwnDataset } from './own-dataset.ts'

/** The settings of a run that say which images it sees. */
export interface DatasetChoice {
  readonly dataset: DatasetName
  /** null = where `fetch` puts them. */
  readonly data: string | null
  /** Standard deviation of all channels instead of the dataset's own; null = its own. */
  readonly inputStd: number | null
  /** Height and width of the input for images in shards; null = as the manifest says. */
  readonly imageSize: number | null
}

/**
 * From the catalogue, for images that `prepare` packed from their manifest, or as the user's definition says.
 * @throws UserFault where a dataset that has to be prepared is not
 */
export async function describeDataset({
  dataset,
  data,
  inputStd,
  imageSize,
}: DatasetChoice): Promise<DatasetDescription> {
  return withChoices(describeOwnDataset(dataset) ?? (await describeKnown(dataset, data)), { inputStd, imageSize })
}

async function describeKnown(dataset: DatasetName, data: string | null): Promise<DatasetDescription> {
  if (!isPrepared(dataset)) return CATALOGUE[dataset].description
  return await describeShards(dataset, data ?? defaultDataFolder(dataset))
}

/** As describeDataset, and ILSVRC2012 as published where no data is named. @throws UserFault as describeDataset */
export async function describeForSummary(choice: DatasetChoice): Promise<DatasetDescription> {
  if (choice.dataset !== 'imagenet' || choice.data !== null) return describeDataset(choice)
  const classNames = Array.from({ length: ILSVRC2012.classes }, (_, label) => `class ${label}`)
  const description = { name: choice.dataset, classNames, ...PHOTOGRAPH_COLOURS, height: 224, width: 224, channels: 3 }
  return withChoices(description, choice)
}

/** The description with what the settings say instead of it. */
export function withChoices(
  description: DatasetDescription,
  { inputStd, imageSize }: Pick<DatasetChoice, 'inputStd' | 'imageSize'>,
): DatasetDescription {
  const size = imageSize === null ? {} : { height: imageSize, width: imageSize }
  const std = inputStd === null ? description.std : description.std.map(() => inputStd)
  return { ...description, ...size, std }
}
