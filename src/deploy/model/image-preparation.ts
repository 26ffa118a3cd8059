/** How images are prepared for a network: as those were that it was evaluated on. */
import { CATALOGUE, type DatasetEntry } from '../../data/datasets/catalogue.ts'
import { evaluationShortSide, type ImageSize } from '../../data/images/crop-plan.ts'
import { PUBLISHED_DATASETS } from '../../vocabulary/dataset-name.ts'
import type { ImagePreparation } from './prepare-image.ts'

/**
 * @param dataset that the network was trained on. Published small images are taken whole, so that one of their size stays as it
 *   is; of all others the middle is taken
 */
export function imagePreparation(dataset: string, { height, width }: ImageSize): ImagePreparation {
  const input = { height, width }
  const published = PUBLISHED_DATASETS.find((name) => name === dataset)
  if (published === undefined) return { resize: evaluationShortSide(input), crop: input, input }
  const entry: DatasetEntry = CATALOGUE[published]
  const crop = entry.stored ?? input
  return { resize: Math.max(crop.height, crop.width), crop, input }
}
