/** How an image of any size becomes the network's input: as the images were prepared that the network was evaluated on. */
import { CATALOGUE, type DatasetEntry } from '../../data/datasets/catalogue.ts'
import { type CropPlan, centreCrop, evaluationShortSide, type ImageSize } from '../../data/images/crop-plan.ts'
import { PUBLISHED_DATASETS } from '../../vocabulary/dataset-name.ts'

/**
 * The short side is resized (bilinear and antialiased, as Pillow does it), the middle is cropped, and lies in the middle of the
 * input with zeros around it.
 */
export interface ImagePreparation {
  /** Short side in pixels after the resize. */
  readonly resize: number
  readonly crop: ImageSize
  /** The network's input. */
  readonly input: ImageSize
}

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

/** Where the crop of an image comes from. */
export function planOf({ resize, crop }: ImagePreparation, image: ImageSize): CropPlan {
  return centreCrop(image, crop, resize)
}

/**
 * Writes a crop into the middle of the input.
 * @param crop [height, width, 3] u8, of the size of the preparation's
 * @param offset of the input in `target`
 */
export function placeCrop({ crop, input }: ImagePreparation, pixels: Uint8Array, target: Uint8Array, offset: number) {
  const top = (input.height - crop.height) >> 1
  const left = (input.width - crop.width) >> 1
  target.fill(0, offset, offset + input.height * input.width * 3)
  for (let row = 0; row < crop.height; row++) {
    const line = pixels.subarray(row * crop.width * 3, (row + 1) * crop.width * 3)
    target.set(line, offset + ((top + row) * input.width + left) * 3)
  }
}
