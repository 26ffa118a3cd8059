/** From an image of any size to the network's input; also a part of the page that `export --format web` writes. */
import { type CropPlan, centreCrop, type ImageSize } from '../../data/images/crop-plan.ts'

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
